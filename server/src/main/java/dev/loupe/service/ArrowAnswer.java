package dev.loupe.service;

import dev.loupe.model.HookInfo;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SparseCodes;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float4Vector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.complex.FixedSizeListVector;
import org.apache.arrow.vector.complex.ListVector;
import org.apache.arrow.vector.ipc.ArrowStreamWriter;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.arrow.vector.types.pojo.Schema;

/** Writes rows about positions of texts as an Arrow IPC stream. */
final class ArrowAnswer implements AutoCloseable {
    private static final ArrowType INT = new ArrowType.Int(32, true);
    private static final ArrowType FLOAT = new ArrowType.FloatingPoint(FloatingPointPrecision.SINGLE);

    private final RootAllocator allocator = new RootAllocator();
    private final VectorSchemaRoot root;
    private final ArrowStreamWriter writer;
    private final int[] items; // list elements so far, by column
    private int rows;

    private ArrowAnswer(OutputStream out, List<Field> columns, Map<String, String> metadata) throws IOException {
        List<Field> all = new ArrayList<>(List.of(
                plain("text", INT),
                plain("position", INT),
                plain("token_id", INT),
                plain("token", new ArrowType.Utf8())));
        all.addAll(columns);
        root = VectorSchemaRoot.create(new Schema(all, metadata), allocator);
        items = new int[all.size()];
        writer = new ArrowStreamWriter(root, null, Channels.newChannel(out));
        writer.start();
        root.getFieldVectors().forEach(FieldVector::allocateNew);
    }

    /** Columns of hook points; those whose width depends on the text are lists. */
    static ArrowAnswer activations(OutputStream out, String model, List<HookInfo> hooks) throws IOException {
        List<Field> columns = hooks.stream()
                .map(h -> new Field(
                        h.name(),
                        new FieldType(
                                false,
                                h.width() == HookInfo.VARIES
                                        ? new ArrowType.List()
                                        : new ArrowType.FixedSizeList(h.width()),
                                null,
                                Map.of("shape", h.shape())),
                        List.of(plain("item", FLOAT))))
                .toList();
        return new ArrowAnswer(out, columns, Map.of("model", model));
    }

    /** Columns of active latents, or one of all of them. */
    static ArrowAnswer codes(OutputStream out, Sae sae, boolean dense) throws IOException {
        FieldType list = FieldType.notNullable(new ArrowType.List());
        FieldType whole = FieldType.notNullable(new ArrowType.FixedSizeList(sae.dSae()));
        return new ArrowAnswer(
                out,
                dense
                        ? List.of(new Field("codes", whole, List.of(plain("item", FLOAT))))
                        : List.of(
                                new Field("latents", list, List.of(plain("item", INT))),
                                new Field("values", list, List.of(plain("item", FLOAT)))),
                Map.of("sae", sae.name(), "d_sae", Integer.toString(sae.dSae())));
    }

    private static Field plain(String name, ArrowType type) {
        return new Field(name, FieldType.notNullable(type), null);
    }

    /** Begins a row. */
    void row(int text, int position, int id, String token) {
        ((IntVector) root.getVector(0)).setSafe(rows, text);
        ((IntVector) root.getVector(1)).setSafe(rows, position);
        ((IntVector) root.getVector(2)).setSafe(rows, id);
        ((VarCharVector) root.getVector(3)).setSafe(rows, token.getBytes(StandardCharsets.UTF_8));
        rows++;
    }

    /** The floats of a column in the row that was begun. */
    void floats(int column, float[] values) {
        Float4Vector data = (Float4Vector) begin(column);
        for (float v : values) {
            data.setSafe(items[column]++, v);
        }
        end(column, values.length);
    }

    /** The latents of a row of codes, as the columns have them. */
    void code(SparseCodes codes, int row) {
        if (root.getVector(4) instanceof FixedSizeListVector whole) {
            float[] values = new float[whole.getListSize()];
            for (int e = codes.start(row); e < codes.end(row); e++) {
                values[codes.ids()[e]] = codes.values()[e];
            }
            floats(4, values);
            return;
        }
        IntVector ids = (IntVector) begin(4);
        Float4Vector values = (Float4Vector) begin(5);
        for (int e = codes.start(row); e < codes.end(row); e++) {
            ids.setSafe(items[4]++, codes.ids()[e]);
            values.setSafe(items[5]++, codes.values()[e]);
        }
        end(4, codes.count(row));
        end(5, codes.count(row));
    }

    private FieldVector begin(int column) {
        FieldVector vector = root.getVector(column);
        if (vector instanceof FixedSizeListVector fixed) {
            fixed.setNotNull(rows - 1);
            return fixed.getDataVector();
        }
        ListVector list = (ListVector) vector;
        list.startNewValue(rows - 1);
        return list.getDataVector();
    }

    private void end(int column, int length) {
        if (root.getVector(column) instanceof ListVector list) {
            list.endValue(rows - 1, length);
        }
    }

    /** Ends the record batch. */
    void batch() throws IOException {
        for (int c = 4; c < items.length; c++) {
            if (root.getVector(c) instanceof FixedSizeListVector fixed) {
                fixed.getDataVector().setValueCount(items[c]);
            }
        }
        root.setRowCount(rows);
        writer.writeBatch();
        rows = 0;
        java.util.Arrays.fill(items, 0);
        root.getFieldVectors().forEach(v -> {
            v.reset();
            v.allocateNew();
        });
    }

    @Override
    public void close() throws IOException {
        try (allocator;
                root) {
            writer.end();
        }
    }
}
