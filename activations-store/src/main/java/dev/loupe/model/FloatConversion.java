package dev.loupe.model;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Little-endian tensors of the file's types to float32 in native order. Sources may lie at any byte. */
final class FloatConversion {
    private static final ValueLayout.OfShort SHORT = JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfDouble DOUBLE = JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private FloatConversion() {}

    /** Converts all of {@code source}; false if the type is none that holds numbers of this kind. */
    static boolean toFloats(String dtype, MemorySegment source, MemorySegment target) {
        long n = target.byteSize() / 4;
        switch (dtype) {
            case "F32" -> {
                if (ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN) {
                    MemorySegment.copy(source, 0, target, 0, 4 * n);
                } else {
                    for (long i = 0; i < n; i++) {
                        target.setAtIndex(JAVA_FLOAT_UNALIGNED, i, Float.intBitsToFloat(source.getAtIndex(INT, i)));
                    }
                }
            }
            case "BF16" -> { // the upper half of a float32
                for (long i = 0; i < n; i++) {
                    target.setAtIndex(JAVA_FLOAT_UNALIGNED, i, Float.intBitsToFloat(source.getAtIndex(SHORT, i) << 16));
                }
            }
            case "F16" -> {
                for (long i = 0; i < n; i++) {
                    target.setAtIndex(JAVA_FLOAT_UNALIGNED, i, Float.float16ToFloat(source.getAtIndex(SHORT, i)));
                }
            }
            case "F64" -> {
                for (long i = 0; i < n; i++) {
                    target.setAtIndex(JAVA_FLOAT_UNALIGNED, i, (float) source.getAtIndex(DOUBLE, i));
                }
            }
            default -> {
                return false;
            }
        }
        return true;
    }
}
