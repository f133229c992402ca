package dev.loupe.ui;

import com.vaadin.flow.server.streams.DownloadHandler;
import com.vaadin.flow.server.streams.DownloadResponse;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowFileWriter;

/** The numbers behind a picture as an Arrow file. */
final class ArrowFile {
    private ArrowFile() {}

    /** A download, written when it is asked for; a column is {@code double[]} or {@code List<String>}. */
    static DownloadHandler of(String name, Supplier<Map<String, Object>> columns) {
        return DownloadHandler.fromInputStream(event -> {
            byte[] bytes = bytes(columns.get());
            return new DownloadResponse(
                    new ByteArrayInputStream(bytes),
                    name + ".arrow",
                    "application/vnd.apache.arrow.file",
                    bytes.length);
        });
    }

    /** The bytes of the file. */
    static byte[] bytes(Map<String, Object> columns) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (BufferAllocator allocator = new RootAllocator()) {
            List<FieldVector> vectors = new ArrayList<>();
            int rows = 0;
            for (Map.Entry<String, Object> c : columns.entrySet()) {
                if (c.getValue() instanceof double[] values) {
                    vectors.add(numbers(c.getKey(), values, allocator));
                    rows = values.length;
                } else if (c.getValue() instanceof List<?> values) {
                    vectors.add(texts(c.getKey(), values, allocator));
                    rows = values.size();
                } else {
                    throw new IllegalArgumentException("column " + c.getKey());
                }
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

    private static Float8Vector numbers(String name, double[] values, BufferAllocator allocator) {
        Float8Vector v = new Float8Vector(name, allocator);
        v.allocateNew(values.length);
        for (int i = 0; i < values.length; i++) {
            if (Double.isNaN(values[i])) {
                v.setNull(i);
            } else {
                v.set(i, values[i]);
            }
        }
        v.setValueCount(values.length);
        return v;
    }

    private static VarCharVector texts(String name, List<?> values, BufferAllocator allocator) {
        VarCharVector v = new VarCharVector(name, allocator);
        v.allocateNew();
        for (int i = 0; i < values.size(); i++) {
            v.setSafe(i, String.valueOf(values.get(i)).getBytes(StandardCharsets.UTF_8));
        }
        v.setValueCount(values.size());
        return v;
    }
}
