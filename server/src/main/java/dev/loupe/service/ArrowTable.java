package dev.loupe.service;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowFileWriter;

/** Small tables as Arrow IPC files: columns by name, in order. */
public final class ArrowTable {
    /** Arrow's media type of a file. */
    public static final String MEDIA_TYPE = "application/vnd.apache.arrow.file";

    private ArrowTable() {}

    /**
     * The bytes of a file with one record batch.
     *
     * @param columns name → {@code double[]} (NaN is null), {@code int[]} or a list of texts (null is null), equally long
     */
    public static byte[] bytes(Map<String, Object> columns) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (BufferAllocator allocator = new RootAllocator()) {
            List<FieldVector> vectors = new ArrayList<>();
            int rows = 0;
            for (Map.Entry<String, Object> c : columns.entrySet()) {
                FieldVector v = vector(c.getKey(), c.getValue(), allocator);
                vectors.add(v);
                rows = v.getValueCount();
            }
            try (VectorSchemaRoot root = new VectorSchemaRoot(vectors);
                    ArrowFileWriter writer = new ArrowFileWriter(root, null, Channels.newChannel(out))) {
                root.setRowCount(rows);
                writer.start();
                writer.writeBatch();
                writer.end();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return out.toByteArray();
    }

    private static FieldVector vector(String name, Object values, BufferAllocator allocator) {
        if (values instanceof double[] numbers) {
            Float8Vector v = new Float8Vector(name, allocator);
            v.allocateNew(numbers.length);
            for (int i = 0; i < numbers.length; i++) {
                if (Double.isNaN(numbers[i])) {
                    v.setNull(i);
                } else {
                    v.set(i, numbers[i]);
                }
            }
            v.setValueCount(numbers.length);
            return v;
        }
        if (values instanceof int[] numbers) {
            IntVector v = new IntVector(name, allocator);
            v.allocateNew(numbers.length);
            for (int i = 0; i < numbers.length; i++) {
                v.set(i, numbers[i]);
            }
            v.setValueCount(numbers.length);
            return v;
        }
        if (values instanceof List<?> texts) {
            VarCharVector v = new VarCharVector(name, allocator);
            v.allocateNew();
            for (int i = 0; i < texts.size(); i++) {
                Object text = texts.get(i);
                if (text != null) {
                    v.setSafe(i, String.valueOf(text).getBytes(StandardCharsets.UTF_8));
                }
            }
            v.setValueCount(texts.size());
            return v;
        }
        throw new IllegalArgumentException("column " + name);
    }
}
