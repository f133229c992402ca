package dev.loupe.feature;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.Checksums;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HexFormat;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
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
import org.apache.arrow.vector.ipc.ArrowFileWriter;
import org.apache.arrow.vector.types.pojo.Schema;

/** Writes one table of an index as an Arrow IPC file, row by row, in record batches of equal length. */
final class TableWriter implements AutoCloseable {
    private final Path file;
    private final List<Column> columns;
    private final int batchRows;
    private final FileChannel channel;
    private final VectorSchemaRoot root;
    private final ArrowFileWriter writer;
    private final int[] items; // values so far in the batch, by list column
    private int inBatch;
    private long rows;
    private boolean open = true;

    /** Begins a table in a folder that is not published yet. */
    TableWriter(Path file, List<Column> columns, int batchRows, BufferAllocator allocator) {
        this.file = file;
        this.columns = columns;
        this.batchRows = batchRows;
        this.items = new int[columns.size()];
        try {
            channel = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
            root = VectorSchemaRoot.create(
                    new Schema(columns.stream().map(Column::field).toList()), allocator);
            writer = new ArrowFileWriter(root, null, channel);
            writer.start();
        } catch (IOException e) {
            throw AtomicFiles.failure(file, e);
        }
        root.getFieldVectors().forEach(FieldVector::allocateNew);
    }

    /** The rows so far: the number of the next one. */
    long rows() {
        return rows;
    }

    /** Adds a row; one value per column, of the type of its kind. */
    void row(Object... values) {
        if (values.length != columns.size()) {
            throw new IllegalArgumentException(values.length + " values for " + columns.size() + " columns");
        }
        for (int c = 0; c < values.length; c++) {
            put(c, root.getVector(c), values[c]);
        }
        rows++;
        if (++inBatch == batchRows) {
            flush();
        }
    }

    private void put(int column, FieldVector vector, Object value) {
        switch (columns.get(column).kind()) {
            case INT -> ((IntVector) vector).setSafe(inBatch, (Integer) value);
            case LONG -> ((BigIntVector) vector).setSafe(inBatch, (Long) value);
            case FLOAT -> ((Float4Vector) vector).setSafe(inBatch, (Float) value);
            case DOUBLE -> ((Float8Vector) vector).setSafe(inBatch, (Double) value);
            case BOOL -> ((BitVector) vector).setSafe(inBatch, (Boolean) value ? 1 : 0);
            case TEXT -> ((VarCharVector) vector).setSafe(inBatch, utf8((String) value));
            case SHORTS -> {
                short[] list = (short[]) value;
                SmallIntVector data = (SmallIntVector) begin(vector);
                for (short v : list) {
                    data.setSafe(items[column]++, v);
                }
                ((ListVector) vector).endValue(inBatch, list.length);
            }
            case INTS -> {
                int[] list = (int[]) value;
                IntVector data = (IntVector) begin(vector);
                for (int v : list) {
                    data.setSafe(items[column]++, v);
                }
                ((ListVector) vector).endValue(inBatch, list.length);
            }
            case FLOATS -> {
                float[] list = (float[]) value;
                Float4Vector data = (Float4Vector) begin(vector);
                for (float v : list) {
                    data.setSafe(items[column]++, v);
                }
                ((ListVector) vector).endValue(inBatch, list.length);
            }
            case LONGS -> {
                long[] list = (long[]) value;
                BigIntVector data = (BigIntVector) begin(vector);
                for (long v : list) {
                    data.setSafe(items[column]++, v);
                }
                ((ListVector) vector).endValue(inBatch, list.length);
            }
            case TEXTS -> {
                List<?> list = (List<?>) value;
                VarCharVector data = (VarCharVector) begin(vector);
                for (Object v : list) {
                    data.setSafe(items[column]++, utf8((String) v));
                }
                ((ListVector) vector).endValue(inBatch, list.size());
            }
        }
    }

    private FieldVector begin(FieldVector vector) {
        ListVector list = (ListVector) vector;
        list.startNewValue(inBatch);
        return list.getDataVector();
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private void flush() {
        if (inBatch == 0) {
            return;
        }
        try {
            root.setRowCount(inBatch);
            writer.writeBatch();
        } catch (IOException e) {
            throw AtomicFiles.failure(file, e);
        }
        inBatch = 0;
        java.util.Arrays.fill(items, 0);
        root.getFieldVectors().forEach(v -> {
            v.reset();
            v.allocateNew();
        });
    }

    /** Completes the file and describes it. */
    IndexManifest.TableFile finish() {
        flush();
        try {
            writer.end();
            close();
            try (FileChannel read = FileChannel.open(file, StandardOpenOption.READ);
                    Arena arena = Arena.ofConfined()) {
                int crc = Checksums.crc32c(read.map(FileChannel.MapMode.READ_ONLY, 0, read.size(), arena));
                return new IndexManifest.TableFile(
                        read.size(), rows, batchRows, HexFormat.of().toHexDigits(crc));
            }
        } catch (IOException e) {
            throw AtomicFiles.failure(file, e);
        }
    }

    @Override
    public void close() {
        if (open) {
            open = false;
            writer.close();
            root.close();
            try {
                channel.close();
            } catch (IOException e) {
                throw AtomicFiles.failure(file, e);
            }
        }
    }
}
