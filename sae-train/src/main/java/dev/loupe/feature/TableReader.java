package dev.loupe.feature;

import dev.loupe.base.Checksums;
import dev.loupe.base.LoupeException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.ref.SoftReference;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.PrimitiveIterator;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.stream.LongStream;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.BitVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float4Vector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.SmallIntVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.complex.ListVector;
import org.apache.arrow.vector.ipc.ArrowFileReader;
import org.apache.arrow.vector.ipc.message.ArrowBlock;
import org.jspecify.annotations.Nullable;

/**
 * Reads rows of one table of an index. The file's checksum is compared before Arrow's reader first sees it; after that
 * a few rows cost one record batch, and the batches read last are kept decoded while there is memory: latents beside
 * one another lie in one batch. Safe to use from several threads.
 */
final class TableReader {
    private static final BufferAllocator ALLOCATOR = new RootAllocator();

    /** Record batches of at most so many rows have large ones, of which single rows are decoded and kept. */
    private static final int FEW_ROWS = 16;

    private static final int ROWS_KEPT = 4096;
    private static final int BATCHES_KEPT = 4;
    private static final int MOST_TEXTS = 1 << 17;

    private final Path file;
    private final List<Column> columns;
    private final IndexManifest.TableFile expected;
    private final int unit; // rows that are kept together
    private final Map<Long, SoftReference<Object[][]>> cache;
    private final ConcurrentHashMap<String, String> texts = new ConcurrentHashMap<>();
    private volatile boolean verified;

    TableReader(Path file, List<Column> columns, IndexManifest.TableFile expected) {
        this.file = file;
        this.columns = columns;
        this.expected = expected;
        boolean large = expected.batchRows() <= FEW_ROWS;
        this.unit = large ? 1 : Math.max(1, expected.batchRows());
        int most = large ? ROWS_KEPT : BATCHES_KEPT;
        this.cache = new LinkedHashMap<>(16, 0.75f, true) {
            @Override
            protected boolean removeEldestEntry(Map.Entry<Long, SoftReference<Object[][]>> eldest) {
                return size() > most;
            }
        };
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            if (channel.size() != expected.bytes()) {
                throw damaged("it has " + channel.size() + " bytes, not " + expected.bytes(), null);
            }
        } catch (IOException e) {
            throw damaged("it cannot be read: " + e.getMessage(), e);
        }
    }

    /** Rows of the table. */
    long rows() {
        return expected.rows();
    }

    /** Reads all rows in order; a row has one value per column. */
    void forEach(Consumer<Object[]> consumer) {
        forEach(columns.size(), consumer);
    }

    /** Reads the first columns of all rows in order. */
    void forEach(int firstColumns, Consumer<Object[]> consumer) {
        try (Open open = new Open()) {
            for (long row = 0; row < rows(); row++) {
                consumer.accept(open.row(row, firstColumns));
            }
        } catch (IOException | IndexOutOfBoundsException e) {
            throw damaged(String.valueOf(e.getMessage()), e);
        }
    }

    /** Reads rows that lie together; what they hold is not to be changed. */
    List<Object[]> read(long from, int count) {
        List<Object[]> rows = new ArrayList<>(Math.max(0, count));
        read(LongStream.range(from, from + count).iterator(), rows::add);
        return rows;
    }

    /** Reads chosen rows, whose numbers ascend; what they hold is not to be changed. */
    List<Object[]> read(long[] chosen) {
        List<Object[]> rows = new ArrayList<>(chosen.length);
        read(LongStream.of(chosen).iterator(), rows::add);
        return rows;
    }

    /** Reads through the cache: a unit that lacks a row is decoded whole and kept. */
    private void read(PrimitiveIterator.OfLong rows, Consumer<Object[]> consumer) {
        try (Open open = new Open()) {
            while (rows.hasNext()) {
                long row = rows.nextLong();
                if (row < 0 || row >= rows()) {
                    throw damaged("row " + row + " was asked of " + rows(), null);
                }
                long number = row / unit;
                Object[][] values = cached(number);
                if (values == null) {
                    values = new Object[(int) Math.min(unit, rows() - number * unit)][];
                    for (int r = 0; r < values.length; r++) {
                        values[r] = open.row(number * unit + r, columns.size());
                    }
                    keep(number, values);
                }
                consumer.accept(values[(int) (row - number * unit)]);
            }
        } catch (IOException | IndexOutOfBoundsException e) {
            throw damaged(String.valueOf(e.getMessage()), e);
        }
    }

    private Object @Nullable [][] cached(long number) {
        synchronized (cache) {
            SoftReference<Object[][]> known = cache.get(number);
            return known == null ? null : known.get();
        }
    }

    private void keep(long number, Object[][] values) {
        synchronized (cache) {
            cache.put(number, new SoftReference<>(values));
        }
    }

    /** The file while rows are read from it; opened when the first is not in memory. */
    private final class Open implements AutoCloseable {
        private @Nullable FileChannel channel;
        private @Nullable ArrowFileReader reader;
        private List<ArrowBlock> blocks = List.of();
        private long loaded = -1;

        Object[] row(long row, int firstColumns) throws IOException {
            ArrowFileReader from = reader == null ? open() : reader;
            VectorSchemaRoot root = from.getVectorSchemaRoot();
            int batch = expected.batchRows();
            if (row / batch != loaded) {
                loaded = row / batch;
                from.loadRecordBatch(blocks.get((int) loaded));
                if (root.getRowCount() != Math.min(batch, rows() - loaded * batch)) {
                    throw damaged("record batch " + loaded + " has " + root.getRowCount() + " rows", null);
                }
            }
            Object[] values = new Object[firstColumns];
            for (int c = 0; c < values.length; c++) {
                values[c] = value(columns.get(c).kind(), root.getVector(c), (int) (row % batch));
            }
            return values;
        }

        private ArrowFileReader open() throws IOException {
            verify();
            FileChannel file = FileChannel.open(TableReader.this.file, StandardOpenOption.READ);
            channel = file;
            ArrowFileReader opened = new ArrowFileReader(file, ALLOCATOR);
            reader = opened;
            if (!opened.getVectorSchemaRoot()
                    .getSchema()
                    .getFields()
                    .equals(columns.stream().map(Column::field).toList())) {
                throw damaged("it has other columns", null);
            }
            blocks = opened.getRecordBlocks();
            if (expected.batchRows() < 1 || blocks.size() != Math.ceilDiv(rows(), expected.batchRows())) {
                throw damaged("it has " + blocks.size() + " record batches", null);
            }
            return opened;
        }

        @Override
        public void close() throws IOException {
            if (reader != null) {
                reader.close();
            }
            if (channel != null) {
                channel.close();
            }
        }
    }

    /** Texts repeat: each is kept once. */
    private String shared(byte[] utf8) {
        String text = new String(utf8, StandardCharsets.UTF_8);
        if (texts.size() > MOST_TEXTS) {
            return text;
        }
        String known = texts.putIfAbsent(text, text);
        return known == null ? text : known;
    }

    private Object value(Column.Kind kind, FieldVector vector, int row) {
        return switch (kind) {
            case INT -> ((IntVector) vector).get(row);
            case LONG -> ((BigIntVector) vector).get(row);
            case FLOAT -> ((Float4Vector) vector).get(row);
            case DOUBLE -> ((Float8Vector) vector).get(row);
            case BOOL -> ((BitVector) vector).get(row) != 0;
            case TEXT -> new String(((VarCharVector) vector).get(row), StandardCharsets.UTF_8);
            case SHORTS -> {
                ListVector list = (ListVector) vector;
                short[] values = new short[list.getElementEndIndex(row) - list.getElementStartIndex(row)];
                for (int i = 0; i < values.length; i++) {
                    values[i] = ((SmallIntVector) list.getDataVector()).get(list.getElementStartIndex(row) + i);
                }
                yield values;
            }
            case INTS -> {
                ListVector list = (ListVector) vector;
                int[] values = new int[list.getElementEndIndex(row) - list.getElementStartIndex(row)];
                for (int i = 0; i < values.length; i++) {
                    values[i] = ((IntVector) list.getDataVector()).get(list.getElementStartIndex(row) + i);
                }
                yield values;
            }
            case FLOATS -> {
                ListVector list = (ListVector) vector;
                float[] values = new float[list.getElementEndIndex(row) - list.getElementStartIndex(row)];
                for (int i = 0; i < values.length; i++) {
                    values[i] = ((Float4Vector) list.getDataVector()).get(list.getElementStartIndex(row) + i);
                }
                yield values;
            }
            case LONGS -> {
                ListVector list = (ListVector) vector;
                long[] values = new long[list.getElementEndIndex(row) - list.getElementStartIndex(row)];
                for (int i = 0; i < values.length; i++) {
                    values[i] = ((BigIntVector) list.getDataVector()).get(list.getElementStartIndex(row) + i);
                }
                yield values;
            }
            case TEXTS -> {
                ListVector list = (ListVector) vector;
                VarCharVector data = (VarCharVector) list.getDataVector();
                List<String> values = new ArrayList<>();
                for (int i = list.getElementStartIndex(row); i < list.getElementEndIndex(row); i++) {
                    values.add(shared(data.get(i)));
                }
                yield List.copyOf(values);
            }
        };
    }

    private void verify() {
        if (verified) {
            return;
        }
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ);
                Arena arena = Arena.ofConfined()) {
            int crc = Checksums.crc32c(channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena));
            if (!HexFormat.of().toHexDigits(crc).equals(expected.crc32c())) {
                throw damaged("it does not have its checksum", null);
            }
        } catch (IOException e) {
            throw damaged("it cannot be read: " + e.getMessage(), e);
        }
        verified = true;
    }

    private LoupeException damaged(String why, @Nullable Exception cause) {
        String sentence =
                "The feature index file " + file + " is damaged (" + why + "): build the index again with loupe index.";
        return cause == null ? new LoupeException(sentence) : new LoupeException(sentence, cause);
    }
}
