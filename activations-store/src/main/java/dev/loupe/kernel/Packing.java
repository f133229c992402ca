package dev.loupe.kernel;

import static dev.loupe.kernel.Native.L;

import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/** Brings rows of float32 into the lanes that {@link PanelKernel} reads. */
final class Packing {
    private static final float TO_INTEGER = 12582912; // 1.5 · 2^23: the sum's lowest bits are the rounded integer
    private static final long LOW = 0xFFFFFFFFL;

    /** What turns the four signed bytes of a lane into bytes plus 128. */
    static final int PLUS_128 = 0x80808080;

    private static final ThreadLocal<Scratch> LANES = Scratch.perThread();
    private static final ThreadLocal<Scratch> PADDED = Scratch.perThread();

    private Packing() {}

    /**
     * Writes one row as lanes.
     *
     * @param from address of {@code inner} floats
     * @param scale what integers are multiplied by before they are rounded (half to even); they must fit the type
     * @param to where the first lane goes
     * @param step bytes from lane to lane
     */
    static void row(PanelType type, long from, int inner, float scale, long to, long step) {
        if (type == PanelType.FLOAT32) {
            for (int k = 0; k < inner; k++) {
                Native.setInt(to + k * step, Native.getInt(from + 4L * k));
            }
            return;
        }
        if (type == PanelType.INT8) {
            bytes(from, inner, scale, to, step, 0);
            return;
        }
        int steps = type.steps(inner);
        long lanes = LANES.get().address(8L * (steps + L));
        lanes(type, from, inner, scale, lanes);
        for (int k = 0; k < steps; k++) {
            Native.setInt(to + k * step, Native.getInt(lanes + 8L * k));
        }
    }

    /**
     * One row as lanes of four bytes.
     *
     * @param flip {@link #PLUS_128} or 0
     * @return the sum of all bytes, before they are flipped
     */
    static int bytes(long from, int inner, float scale, long to, long step, int flip) {
        int steps = PanelType.INT8.steps(inner);
        long lanes = LANES.get().address(16L * steps + 8L * L);
        lanes(PanelType.INT8, from, inner, scale, lanes);
        int sum = 0;
        for (int k = 0; k < steps; k++) {
            int lane = Native.getInt(lanes + 16L * k) | Native.getInt(lanes + 16L * k + 8) << 16;
            sum += (byte) lane + (byte) (lane >> 8) + (byte) (lane >> 16) + (lane >> 24);
            Native.setInt(to + k * step, lane ^ flip);
        }
        return sum;
    }

    /** Two rows side by side: the second's lanes stand right behind the first's. The same bytes in half the writes. */
    static void rows(PanelType type, long first, long second, int inner, float scale, long to, long step) {
        if (type == PanelType.FLOAT32) {
            int k = 0;
            for (; k + 1 < inner; k += 2) {
                long a = Native.getLong(first + 4L * k);
                long b = Native.getLong(second + 4L * k);
                Native.setLong(to + k * step, (a & LOW) | b << 32);
                Native.setLong(to + (k + 1) * step, a >>> 32 | (b & ~LOW));
            }
            if (k < inner) {
                Native.setInt(to + k * step, Native.getInt(first + 4L * k));
                Native.setInt(to + k * step + 4, Native.getInt(second + 4L * k));
            }
            return;
        }
        int steps = type.steps(inner);
        long stride = 8L * (steps + L);
        long lanes = LANES.get().address(2 * stride);
        lanes(type, first, inner, scale, lanes);
        lanes(type, second, inner, scale, lanes + stride);
        for (int k = 0; k < steps; k++) {
            Native.setLong(
                    to + k * step, Native.getLong(lanes + 8L * k) | Native.getLong(lanes + stride + 8L * k) << 32);
        }
    }

    /** The lanes of a row as longs. */
    private static void lanes(PanelType type, long from, int inner, float scale, long lanes) {
        int whole = inner / L * L;
        pairs(type, from, whole, scale, lanes);
        if (whole < inner) {
            long rest = PADDED.get().address(4L * L);
            for (int i = 0; i < L; i++) {
                Native.set(rest + 4L * i, whole + i < inner ? Native.get(from + 4L * (whole + i)) : 0);
            }
            pairs(type, rest, L, scale, lanes + 4L * whole);
        }
    }

    /** Zeros in place of a row. */
    static void none(PanelType type, int inner, long to, long step) {
        for (int k = 0; k < type.steps(inner); k++) {
            Native.setInt(to + k * step, 0);
        }
    }

    /** n floats, n a multiple of L, to n / 2 lanes in longs. */
    private static void pairs(PanelType type, long from, int n, float scale, long lanes) {
        for (int i = 0; i < n; i += L) {
            FloatVector v = Native.load(from + 4L * i);
            LongVector two = (type == PanelType.BFLOAT16 ? bfloat16(v) : integers(v, scale)).reinterpretAsLongs();
            if (type == PanelType.INT8) {
                two.and(0xFFL)
                        .or(two.lanewise(VectorOperators.LSHR, 24).and(0xFF00L))
                        .intoMemorySegment(Native.all(), lanes + 4L * i, ByteOrder.nativeOrder());
                continue;
            }
            two.and(0xFFFFL)
                    .or(two.lanewise(VectorOperators.LSHR, 16).and(0xFFFF0000L))
                    .intoMemorySegment(Native.all(), lanes + 4L * i, ByteOrder.nativeOrder());
        }
    }

    /** Rounded to the nearest, ties to even, in the lower halves; NaN stays NaN. */
    private static IntVector bfloat16(FloatVector v) {
        IntVector bits = v.reinterpretAsInts();
        VectorMask<Integer> nan = v.test(VectorOperators.IS_NAN).cast(StoredMatrix.INTS);
        IntVector odd = bits.lanewise(VectorOperators.LSHR, 16).and(1);
        return bits.add(odd.add(0x7FFF)).blend(bits.or(0x400000), nan).lanewise(VectorOperators.LSHR, 16);
    }

    private static IntVector integers(FloatVector v, float scale) {
        return v.mul(scale).add(TO_INTEGER).reinterpretAsInts();
    }
}
