package dev.loupe.service;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowStreamWriter;

/** An Arrow stream of texts, as other programs write it. */
final class ArrowText {
    private ArrowText() {}

    static byte[] bytes() throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (RootAllocator memory = new RootAllocator();
                VarCharVector texts = new VarCharVector("name", memory);
                VectorSchemaRoot root = new VectorSchemaRoot(List.of(texts));
                ArrowStreamWriter out = new ArrowStreamWriter(root, null, bytes)) {
            for (int i = 0; i < 40; i++) {
                texts.setSafe(i, ("The debate is closed (" + i + ").").getBytes(StandardCharsets.UTF_8));
            }
            root.setRowCount(40);
            out.writeBatch();
            out.end();
        }
        return bytes.toByteArray();
    }
}
