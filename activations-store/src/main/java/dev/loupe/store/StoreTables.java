package dev.loupe.store;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The columns of the tables beside the activations, and their readers. */
final class StoreTables {
    /** {@code tokens/shard-N.arrow}: one row per row of the store. */
    static final List<ArrowColumn> TOKENS = List.of(
            ArrowColumn.of("token_id", ArrowColumn.Kind.INT32),
            ArrowColumn.of("sequence", ArrowColumn.Kind.INT32),
            ArrowColumn.of("position", ArrowColumn.Kind.INT32),
            ArrowColumn.of("document", ArrowColumn.Kind.INT32),
            ArrowColumn.of("label", ArrowColumn.Kind.UTF8));

    /** {@code sequences/shard-N.arrow}: what the model was run on. */
    static final List<ArrowColumn> SEQUENCES = List.of(
            ArrowColumn.of("document", ArrowColumn.Kind.INT32),
            ArrowColumn.of("first_row", ArrowColumn.Kind.INT64),
            ArrowColumn.of("tokens", ArrowColumn.Kind.INT32_LIST));

    /** {@code documents.arrow}. */
    static final List<ArrowColumn> DOCUMENTS = List.of(
            ArrowColumn.of("document", ArrowColumn.Kind.INT32),
            ArrowColumn.of("name", ArrowColumn.Kind.UTF8),
            ArrowColumn.of("label", ArrowColumn.Kind.UTF8),
            ArrowColumn.of("confidence", ArrowColumn.Kind.FLOAT64),
            ArrowColumn.of("held_out", ArrowColumn.Kind.BOOL));

    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfDouble DOUBLE =
            ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private StoreTables() {}

    /** The column of a hook's activations. */
    static List<ArrowColumn> activation(int width, Dtype dtype) {
        return List.of(ArrowColumn.vector("activation", width, dtype));
    }

    private static String text(MemorySegment offsets, MemorySegment data, int row) {
        int from = offsets.get(ArrowLengths.INT, 4L * row);
        int to = offsets.get(ArrowLengths.INT, 4L * (row + 1));
        return new String(data.asSlice(from, to - from).toArray(ValueLayout.JAVA_BYTE), StandardCharsets.UTF_8);
    }

    /** The token behind every row. */
    record Tokens(Shards shards) implements TokenTable {
        @Override
        public long rows() {
            return shards.rows();
        }

        @Override
        public int tokenId(long row) {
            return shards.intAt(row, 0);
        }

        @Override
        public int sequence(long row) {
            return shards.intAt(row, 1);
        }

        @Override
        public int position(long row) {
            return shards.intAt(row, 2);
        }

        @Override
        public int document(long row) {
            return shards.intAt(row, 3);
        }

        @Override
        public String label(long row) {
            Shards.Place place = shards.place(row);
            return text(shards.buffer(place, 4, 1), shards.buffer(place, 4, 2), place.row());
        }
    }

    /** The sequences the model was run on. */
    record Sequences(Shards shards, long allRows) implements SequenceTable {
        @Override
        public int size() {
            return (int) shards.rows();
        }

        @Override
        public int document(int sequence) {
            return shards.intAt(sequence, 0);
        }

        @Override
        public long firstRow(int sequence) {
            Shards.Place place = shards.place(sequence);
            return shards.buffer(place, 1, 1).get(LONG, 8L * place.row());
        }

        @Override
        public int rows(int sequence) {
            long next = sequence + 1 < size() ? firstRow(sequence + 1) : allRows;
            return Math.toIntExact(next - firstRow(sequence));
        }

        @Override
        public int[] tokens(int sequence) {
            Shards.Place place = shards.place(sequence);
            MemorySegment offsets = shards.buffer(place, 2, 1);
            int from = offsets.get(ArrowLengths.INT, 4L * place.row());
            int to = offsets.get(ArrowLengths.INT, 4L * (place.row() + 1));
            return shards.buffer(place, 2, 3)
                    .asSlice(4L * from, 4L * (to - from))
                    .toArray(ArrowLengths.INT);
        }
    }

    /** The documents; labels and flags are few and small, so they are read at open, names when asked for. */
    static final class Documents implements DocumentTable {
        private final CheckedFile file;
        private final int batchRows;
        private final String[] labels;
        private final double[] confidence;
        private final BitSet heldOut = new BitSet();

        Documents(CheckedFile file, int rows, int batchRows) {
            this.file = file;
            this.batchRows = batchRows;
            this.labels = new String[rows];
            this.confidence = new double[rows];
            Map<String, String> interned = new HashMap<>();
            int at = 0;
            for (int b = 0; b < file.batches(); b++) {
                for (int r = 0; r < file.rows(b); r++, at++) {
                    String label = text(file.buffer(b, 2, 1), file.buffer(b, 2, 2), r);
                    labels[at] = interned.computeIfAbsent(label, l -> l);
                    confidence[at] = file.buffer(b, 3, 1).get(DOUBLE, 8L * r);
                    heldOut.set(at, (file.buffer(b, 4, 1).get(ValueLayout.JAVA_BYTE, r >> 3) >> (r & 7) & 1) != 0);
                }
            }
        }

        @Override
        public int size() {
            return labels.length;
        }

        @Override
        public String name(int document) {
            int batch = document / batchRows;
            return text(file.buffer(batch, 1, 1), file.buffer(batch, 1, 2), document % batchRows);
        }

        @Override
        public String label(int document) {
            return labels[document];
        }

        @Override
        public double confidence(int document) {
            return confidence[document];
        }

        @Override
        public boolean heldOut(int document) {
            return heldOut.get(document);
        }
    }
}
