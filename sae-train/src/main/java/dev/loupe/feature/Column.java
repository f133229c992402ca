package dev.loupe.feature;

import java.util.List;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;

/** A column of an index table: its name and which Java values it holds. */
record Column(String name, Kind kind) {

    /** Types: scalars, and lists of them. */
    enum Kind {
        INT,
        LONG,
        FLOAT,
        DOUBLE,
        BOOL,
        TEXT,
        SHORTS,
        INTS,
        FLOATS,
        LONGS,
        TEXTS
    }

    static Column of(String name, Kind kind) {
        return new Column(name, kind);
    }

    /** The column in Arrow's terms; no value is ever null. */
    Field field() {
        return switch (kind) {
            case INT -> plain(name, new ArrowType.Int(32, true));
            case LONG -> plain(name, new ArrowType.Int(64, true));
            case FLOAT -> plain(name, new ArrowType.FloatingPoint(FloatingPointPrecision.SINGLE));
            case DOUBLE -> plain(name, new ArrowType.FloatingPoint(FloatingPointPrecision.DOUBLE));
            case BOOL -> plain(name, new ArrowType.Bool());
            case TEXT -> plain(name, new ArrowType.Utf8());
            case SHORTS -> list(new ArrowType.Int(16, true));
            case INTS -> list(new ArrowType.Int(32, true));
            case FLOATS -> list(new ArrowType.FloatingPoint(FloatingPointPrecision.SINGLE));
            case LONGS -> list(new ArrowType.Int(64, true));
            case TEXTS -> list(new ArrowType.Utf8());
        };
    }

    private Field list(ArrowType item) {
        return new Field(name, FieldType.notNullable(new ArrowType.List()), List.of(plain("item", item)));
    }

    private static Field plain(String name, ArrowType type) {
        return new Field(name, FieldType.notNullable(type), null);
    }
}
