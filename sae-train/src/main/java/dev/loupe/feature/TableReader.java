package dev.loupe.feature;

import dev.loupe.base.Checksums;
import dev.loupe.base.LoupeException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.PrimitiveIterator;
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

/**
 * Reads rows of one table of an index. The file's checksum is compared before Arrow's reader first sees it; after that
 * a few rows cost one record batch. Safe to use from several threads.
 */
final class TableReader {
    private static final BufferAllocator ALLOCATOR = new RootAllocator();

    private final Path file;
    private final List<Column> columns;
    private final IndexManifest.TableFile expected;
    private volatile boolean verified;

    TableReader(Path file, List<Column> columns, IndexManifest.TableFile expected) {
        this.file = file;
        this.columns = columns;
        this.expected = expected;
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
        read(LongStream.range(0, rows()).iterator(), consumer);
    }

    /** Reads rows that lie together. */
    List<Object[]> read(long from, int count) {
        List<Object[]> rows = new ArrayList<>(Math.max(0, count));
        read(LongStream.range(from, from + count).iterator(), rows::add);
        return rows;
    }

    /** Reads chosen rows, whose numbers ascend. */
    List<Object[]> read(long[] chosen) {
        List<Object[]> rows = new ArrayList<>(chosen.length);
        read(LongStream.of(chosen).iterator(), rows::add);
        return rows;
    }

    private void read(PrimitiveIterator.OfLong rows, Consumer<Object[]> consumer) {
        if (!rows.hasNext()) {
            return;
        }
        verify();
        int batch = expected.batchRows();
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ);
                ArrowFileReader reader = new ArrowFileReader(channel, ALLOCATOR)) {
            VectorSchemaRoot root = reader.getVectorSchemaRoot();
            if (!root.getSchema()
                    .getFields()
                    .equals(columns.stream().map(Column::field).toList())) {
                throw damaged("it has other columns", null);
            }
            List<ArrowBlock> blocks = reader.getRecordBlocks();
            if (batch < 1 || blocks.size() != Math.ceilDiv(rows(), batch)) {
                throw damaged("it has " + blocks.size() + " record batches", null);
            }
            long loaded = -1;
            while (rows.hasNext()) {
                long row = rows.nextLong();
                if (row < 0 || row >= rows()) {
                    throw damaged("row " + row + " was asked of " + rows(), null);
                }
                if (row / batch != loaded) {
                    loaded = row / batch;
                    reader.loadRecordBatch(blocks.get((int) loaded));
                    if (root.getRowCount() != Math.min(batch, rows() - loaded * batch)) {
                        throw damaged("record batch " + loaded + " has " + root.getRowCount() + " rows", null);
                    }
                }
                Object[] values = new Object[columns.size()];
                for (int c = 0; c < values.length; c++) {
                    values[c] = value(columns.get(c).kind(), root.getVector(c), (int) (row % batch));
                }
                consumer.accept(values);
            }
        } catch (IOException | IndexOutOfBoundsException e) {
            throw damaged(String.valueOf(e.getMessage()), e);
        }
    }

    private static Object value(Column.Kind kind, FieldVector vector, int row) {
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
                    values.add(new String(data.get(i), StandardCharsets.UTF_8));
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

    private LoupeException damaged(String why, @org.jspecify.annotations.Nullable Exception cause) {
        String sentence =
                "The feature index file " + file + " is damaged (" + why + "): build the index again with loupe index.";
        return cause == null ? new LoupeException(sentence) : new LoupeException(sentence, cause);
    }
}
