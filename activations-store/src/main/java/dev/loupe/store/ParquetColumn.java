package dev.loupe.store;

import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.parquet.format.ConvertedType;
import org.apache.parquet.format.FieldRepetitionType;
import org.apache.parquet.format.Float16Type;
import org.apache.parquet.format.ListType;
import org.apache.parquet.format.LogicalType;
import org.apache.parquet.format.SchemaElement;
import org.apache.parquet.format.StringType;
import org.apache.parquet.format.Type;

/** A column of an exported Parquet file: how it is called, what it is in Parquet and Arrow, and its pages. */
record ParquetColumn(String name, Type type, int width, boolean list, boolean half, Field arrow, Pages pages) {
    /** Writes the values of rows {@code [first, first + count)}. */
    @FunctionalInterface
    interface Pages {
        void write(ParquetPages page, long first, int count, Arena arena);
    }

    static List<ParquetColumn> tokens(ActivationStore store) {
        TokenTable tokens = store.tokens();
        DocumentTable documents = store.documents();
        return List.of(
                flat("row", Type.INT64, new ArrowType.Int(64, true), (page, first, count, arena) -> {
                    for (int i = 0; i < count; i++) {
                        page.int64(first + i);
                    }
                }),
                ints("token_id", tokens::tokenId),
                ints("sequence", tokens::sequence),
                ints("position", tokens::position),
                ints("document", tokens::document),
                flat("label", Type.BYTE_ARRAY, new ArrowType.Utf8(), (page, first, count, arena) -> {
                    for (int i = 0; i < count; i++) {
                        page.bytes(tokens.label(first + i).getBytes(StandardCharsets.UTF_8));
                    }
                }),
                flat("held_out", Type.BOOLEAN, new ArrowType.Bool(), (page, first, count, arena) -> {
                    boolean[] held = new boolean[count];
                    for (int i = 0; i < count; i++) {
                        held[i] = documents.heldOut(tokens.document(first + i));
                    }
                    page.booleans(held);
                }));
    }

    private interface IntOfRow {
        int at(long row);
    }

    private static ParquetColumn ints(String name, IntOfRow values) {
        return flat(name, Type.INT32, new ArrowType.Int(32, true), (page, first, count, arena) -> {
            for (int i = 0; i < count; i++) {
                page.int32(values.at(first + i));
            }
        });
    }

    private static ParquetColumn flat(String name, Type type, ArrowType arrow, Pages pages) {
        return new ParquetColumn(
                name, type, 1, false, false, new Field(name, FieldType.notNullable(arrow), null), pages);
    }

    static ParquetColumn hook(ActivationStore store, String hook) {
        RowReader reader = store.reader(hook);
        boolean half =
                Objects.requireNonNull(store.manifest().hooks().get(hook)).dtype() == Dtype.FLOAT16;
        ArrowType item =
                new ArrowType.FloatingPoint(half ? FloatingPointPrecision.HALF : FloatingPointPrecision.SINGLE);
        Field arrow = new Field(
                hook,
                FieldType.notNullable(new ArrowType.FixedSizeList(reader.width())),
                List.of(new Field("element", FieldType.notNullable(item), null)));
        return new ParquetColumn(
                hook,
                half ? Type.FIXED_LEN_BYTE_ARRAY : Type.FLOAT,
                reader.width(),
                true,
                half,
                arrow,
                (page, first, count, arena) -> {
                    page.listLevels(count, reader.width());
                    page.raw(ParquetExport.floats(reader, first, count, arena, half));
                });
    }

    byte[] page(long first, int count) {
        ParquetPages page = new ParquetPages(Math.min(1 << 24, count * width * 4 + 1024));
        try (Arena own = Arena.ofShared()) {
            pages.write(page, first, count, own);
        }
        return page.toByteArray();
    }

    List<String> path() {
        return list ? List.of(name, "list", "element") : List.of(name);
    }

    /** The schema of a file: its elements in depth-first order. */
    static List<SchemaElement> schema(List<ParquetColumn> columns) {
        List<SchemaElement> all = new ArrayList<>();
        all.add(new SchemaElement("schema").setNum_children(columns.size()));
        for (ParquetColumn c : columns) {
            SchemaElement leaf = new SchemaElement(c.list ? "element" : c.name)
                    .setType(c.type)
                    .setRepetition_type(FieldRepetitionType.REQUIRED);
            if (c.half) {
                leaf.setType_length(2).setLogicalType(LogicalType.FLOAT16(new Float16Type()));
            }
            if (c.type == Type.BYTE_ARRAY) {
                leaf.setConverted_type(ConvertedType.UTF8).setLogicalType(LogicalType.STRING(new StringType()));
            }
            if (c.list) {
                all.add(new SchemaElement(c.name)
                        .setNum_children(1)
                        .setRepetition_type(FieldRepetitionType.REQUIRED)
                        .setConverted_type(ConvertedType.LIST)
                        .setLogicalType(LogicalType.LIST(new ListType())));
                all.add(new SchemaElement("list").setNum_children(1).setRepetition_type(FieldRepetitionType.REPEATED));
            }
            all.add(leaf);
        }
        return all;
    }
}
