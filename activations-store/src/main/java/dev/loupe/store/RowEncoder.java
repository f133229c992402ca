package dev.loupe.store;

import dev.loupe.base.LoupeException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Rounds float32 numbers to what a dtype can hold. */
final class RowEncoder {
    private RowEncoder() {}

    /**
     * Rounds numbers in place, to nearest even; float32 is left as it is.
     *
     * @throws LoupeException if a finite number is too large for float16
     */
    static void round(Dtype dtype, MemorySegment floats, long count, String hook) {
        if (dtype == Dtype.FLOAT32) {
            return;
        }
        for (long i = 0; i < count; i++) {
            float x = floats.getAtIndex(ValueLayout.JAVA_FLOAT, i);
            float y = dtype == Dtype.BF16 ? fromBf16(toBf16(x)) : Float.float16ToFloat(Float.floatToFloat16(x));
            if (Float.isInfinite(y) && Float.isFinite(x)) {
                throw new LoupeException("The activations at " + hook + " reach " + x + ", too large for " + dtype.id()
                        + "; capture with --dtype " + (dtype == Dtype.FLOAT16 ? "bf16 or " : "") + "float32.");
            }
            floats.setAtIndex(ValueLayout.JAVA_FLOAT, i, y);
        }
    }

    /** Encodes rounded numbers into a little-endian buffer. */
    static void encode(Dtype dtype, MemorySegment floats, long from, MemorySegment dst, long count) {
        switch (dtype) {
            case FLOAT32 -> MemorySegment.copy(floats, 4 * from, dst, 0, 4 * count);
            case FLOAT16 -> {
                for (long i = 0; i < count; i++) {
                    float x = floats.getAtIndex(ValueLayout.JAVA_FLOAT, from + i);
                    dst.set(RowDecoder.Layouts.SHORT, 2 * i, Float.floatToFloat16(x));
                }
            }
            case BF16 -> {
                for (long i = 0; i < count; i++) {
                    dst.set(
                            RowDecoder.Layouts.SHORT,
                            2 * i,
                            toBf16(floats.getAtIndex(ValueLayout.JAVA_FLOAT, from + i)));
                }
            }
        }
    }

    /** The nearest bfloat16, ties to even; NaN stays NaN. */
    static short toBf16(float x) {
        int bits = Float.floatToRawIntBits(x);
        if (Float.isNaN(x)) {
            return (short) (bits >>> 16 | 0x40); // the payload may lie in the lower half alone
        }
        return (short) ((bits + 0x7fff + (bits >>> 16 & 1)) >>> 16);
    }

    static float fromBf16(short bits) {
        return Float.intBitsToFloat(bits << 16);
    }
}
