package dev.loupe.service;

import dev.loupe.base.Json;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.ipc.ArrowStreamReader;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** An answer in Arrow as JSON, for callers without an Arrow library: {@code {"rows": [{column: value}]}}. */
public final class ArrowJson {
    private ArrowJson() {}

    /** The same rows and columns. */
    public static String of(byte[] stream) throws IOException {
        ObjectNode all = Json.MAPPER.createObjectNode();
        ArrayNode rows = all.putArray("rows");
        try (RootAllocator memory = new RootAllocator();
                ArrowStreamReader reader = new ArrowStreamReader(new ByteArrayInputStream(stream), memory)) {
            while (reader.loadNextBatch()) {
                for (int i = 0; i < reader.getVectorSchemaRoot().getRowCount(); i++) {
                    ObjectNode row = rows.addObject();
                    for (FieldVector v : reader.getVectorSchemaRoot().getFieldVectors()) {
                        Object value = v.getObject(i);
                        row.set(
                                v.getName(),
                                Json.MAPPER.valueToTree(value instanceof CharSequence s ? s.toString() : text(value)));
                    }
                }
            }
        }
        return Json.line(all);
    }

    /** Arrow has a type of its own for text. */
    private static Object text(Object value) {
        return value instanceof org.apache.arrow.vector.util.Text t ? t.toString() : value;
    }
}
