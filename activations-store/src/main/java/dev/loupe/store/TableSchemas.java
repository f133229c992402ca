package dev.loupe.store;

import java.util.List;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.arrow.vector.types.pojo.Schema;

/** The schemas of the tables beside the activations, for Arrow's writer. */
final class TableSchemas {
    private TableSchemas() {}

    /** Columns of {@link StoreTables}, none of them nullable. */
    static Schema of(List<ArrowColumn> columns) {
        return new Schema(columns.stream().map(TableSchemas::field).toList());
    }

    private static Field field(ArrowColumn column) {
        return switch (column.kind()) {
            case INT32 -> plain(column.name(), new ArrowType.Int(32, true));
            case INT64 -> plain(column.name(), new ArrowType.Int(64, true));
            case FLOAT64 -> plain(column.name(), new ArrowType.FloatingPoint(FloatingPointPrecision.DOUBLE));
            case BOOL -> plain(column.name(), new ArrowType.Bool());
            case UTF8 -> plain(column.name(), new ArrowType.Utf8());
            case INT32_LIST ->
                new Field(
                        column.name(),
                        FieldType.notNullable(new ArrowType.List()),
                        List.of(plain("item", new ArrowType.Int(32, true))));
            case VECTOR -> throw new IllegalArgumentException("an activation column has a schema of its own");
        };
    }

    private static Field plain(String name, ArrowType type) {
        return new Field(name, FieldType.notNullable(type), null);
    }
}
