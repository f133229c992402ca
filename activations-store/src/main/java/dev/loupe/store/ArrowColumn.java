package dev.loupe.store;

import org.apache.arrow.flatbuf.Field;
import org.apache.arrow.flatbuf.FixedSizeList;
import org.apache.arrow.flatbuf.FloatingPoint;
import org.apache.arrow.flatbuf.Int;
import org.apache.arrow.flatbuf.KeyValue;
import org.apache.arrow.flatbuf.Precision;
import org.apache.arrow.flatbuf.Type;
import org.jspecify.annotations.Nullable;

/**
 * A column that a file of ours must have: its name, its type in Arrow's terms, and how many of a record batch's field
 * nodes and buffers it takes.
 */
record ArrowColumn(
        String name, Kind kind, int width, @Nullable Dtype dtype) {
    /** Field metadata key that says what the 16-bit integers of a bf16 column are. */
    static final String DTYPE_KEY = "loupe.dtype";

    /** The column types in use; buffers are validity and data, with offsets between for the variable ones. */
    enum Kind {
        INT32(1, 2),
        INT64(1, 2),
        FLOAT64(1, 2),
        BOOL(1, 2),
        UTF8(1, 3),
        INT32_LIST(2, 4),
        VECTOR(2, 3);

        final int nodes;
        final int buffers;

        Kind(int nodes, int buffers) {
            this.nodes = nodes;
            this.buffers = buffers;
        }
    }

    static ArrowColumn of(String name, Kind kind) {
        return new ArrowColumn(name, kind, 1, null);
    }

    static ArrowColumn vector(String name, int width, Dtype dtype) {
        return new ArrowColumn(name, Kind.VECTOR, width, dtype);
    }

    /** Whether a field of a file's schema is this column. */
    boolean matches(Field field) {
        return name.equals(field.name())
                && switch (kind) {
                    case INT32 -> isInt(field, 32, true);
                    case INT64 -> isInt(field, 64, true);
                    case FLOAT64 -> isFloat(field, Precision.DOUBLE);
                    case BOOL -> field.typeType() == Type.Bool;
                    case UTF8 -> field.typeType() == Type.Utf8;
                    case INT32_LIST ->
                        field.typeType() == Type.List
                                && field.childrenLength() == 1
                                && isInt(field.children(0), 32, true);
                    case VECTOR -> isVector(field);
                };
    }

    private boolean isVector(Field field) {
        if (field.typeType() != Type.FixedSizeList || field.childrenLength() != 1 || dtype == null) {
            return false;
        }
        FixedSizeList list = (FixedSizeList) field.type(new FixedSizeList());
        Field item = field.children(0);
        return list != null
                && list.listSize() == width
                && switch (dtype) {
                    case FLOAT32 -> isFloat(item, Precision.SINGLE);
                    case FLOAT16 -> isFloat(item, Precision.HALF);
                    case BF16 -> isInt(item, 16, false) && Dtype.BF16.id().equals(metadata(field));
                };
    }

    private static boolean isInt(Field field, int bits, boolean signed) {
        if (field.typeType() != Type.Int) {
            return false;
        }
        Int type = (Int) field.type(new Int());
        return type != null && type.bitWidth() == bits && type.isSigned() == signed;
    }

    private static boolean isFloat(Field field, short precision) {
        if (field.typeType() != Type.FloatingPoint) {
            return false;
        }
        FloatingPoint type = (FloatingPoint) field.type(new FloatingPoint());
        return type != null && type.precision() == precision;
    }

    private static @Nullable String metadata(Field field) {
        for (int i = 0; i < field.customMetadataLength(); i++) {
            KeyValue entry = field.customMetadata(i);
            if (DTYPE_KEY.equals(entry.key())) {
                return entry.value();
            }
        }
        return null;
    }
}
