package dev.loupe.kernel;

import static dev.loupe.kernel.Native.L;

import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** {@link PanelKernel} in the Vector API: four rows by two vectors at a time, which any processor has registers for. */
final class JavaPanelKernel {
    private static final VectorSpecies<Integer> I = StoredMatrix.INTS;
    private static final int UPPER = 0xFFFF0000;

    private JavaPanelKernel() {}

    static void multiply(PanelType type, long x, long panel, long steps, long out, long stride, long groups) {
        for (long g = 0; g < groups; g++) {
            long rows = x + 4L * g * steps * PanelKernel.HEIGHT;
            for (int r = 0; r < PanelKernel.HEIGHT; r += 4) {
                long o = out + (g * PanelKernel.HEIGHT + r) * stride;
                for (int j = 0; j < PanelKernel.WIDTH; j += 2 * L) {
                    long to = o + 4L * j;
                    switch (type) {
                        case FLOAT32 -> floats(rows + 4L * r, panel + 4L * j, steps, to, stride);
                        case BFLOAT16 -> halves(rows + 4L * r, panel + 4L * j, steps, to, stride);
                        case INT16 -> integers(rows + 4L * r, panel + 4L * j, steps, to, stride);
                        case INT8 -> bytes(rows + 4L * r, panel + 4L * j, steps, to, stride);
                    }
                }
            }
        }
    }

    private static void floats(long x, long panel, long steps, long out, long stride) {
        FloatVector z = FloatVector.zero(Native.S);
        FloatVector c00 = z;
        FloatVector c01 = z;
        FloatVector c10 = z;
        FloatVector c11 = z;
        FloatVector c20 = z;
        FloatVector c21 = z;
        FloatVector c30 = z;
        FloatVector c31 = z;
        long a = x;
        long w = panel;
        for (long k = 0; k < steps; k++, a += 4L * PanelKernel.HEIGHT, w += 4L * PanelKernel.WIDTH) {
            FloatVector w0 = Native.load(w);
            FloatVector w1 = Native.load(w + 4L * L);
            FloatVector v = FloatVector.broadcast(Native.S, Native.get(a));
            c00 = w0.fma(v, c00);
            c01 = w1.fma(v, c01);
            v = FloatVector.broadcast(Native.S, Native.get(a + 4));
            c10 = w0.fma(v, c10);
            c11 = w1.fma(v, c11);
            v = FloatVector.broadcast(Native.S, Native.get(a + 8));
            c20 = w0.fma(v, c20);
            c21 = w1.fma(v, c21);
            v = FloatVector.broadcast(Native.S, Native.get(a + 12));
            c30 = w0.fma(v, c30);
            c31 = w1.fma(v, c31);
        }
        Native.store(c00, out);
        Native.store(c01, out + 4L * L);
        Native.store(c10, out + stride);
        Native.store(c11, out + stride + 4L * L);
        Native.store(c20, out + 2 * stride);
        Native.store(c21, out + 2 * stride + 4L * L);
        Native.store(c30, out + 3 * stride);
        Native.store(c31, out + 3 * stride + 4L * L);
    }

    private static void halves(long x, long panel, long steps, long out, long stride) {
        FloatVector z = FloatVector.zero(Native.S);
        FloatVector c00 = z;
        FloatVector c01 = z;
        FloatVector c10 = z;
        FloatVector c11 = z;
        FloatVector c20 = z;
        FloatVector c21 = z;
        FloatVector c30 = z;
        FloatVector c31 = z;
        long a = x;
        long w = panel;
        for (long k = 0; k < steps; k++, a += 4L * PanelKernel.HEIGHT, w += 4L * PanelKernel.WIDTH) {
            IntVector p0 = ints(w);
            IntVector p1 = ints(w + 4L * L);
            FloatVector o0 = p0.lanewise(VectorOperators.AND, UPPER).reinterpretAsFloats();
            FloatVector o1 = p1.lanewise(VectorOperators.AND, UPPER).reinterpretAsFloats();
            FloatVector e0 = p0.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
            FloatVector e1 = p1.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
            int pair = Native.getInt(a);
            FloatVector odd = FloatVector.broadcast(Native.S, Float.intBitsToFloat(pair & UPPER));
            FloatVector even = FloatVector.broadcast(Native.S, Float.intBitsToFloat(pair << 16));
            c00 = e0.fma(even, o0.fma(odd, c00));
            c01 = e1.fma(even, o1.fma(odd, c01));
            pair = Native.getInt(a + 4);
            odd = FloatVector.broadcast(Native.S, Float.intBitsToFloat(pair & UPPER));
            even = FloatVector.broadcast(Native.S, Float.intBitsToFloat(pair << 16));
            c10 = e0.fma(even, o0.fma(odd, c10));
            c11 = e1.fma(even, o1.fma(odd, c11));
            pair = Native.getInt(a + 8);
            odd = FloatVector.broadcast(Native.S, Float.intBitsToFloat(pair & UPPER));
            even = FloatVector.broadcast(Native.S, Float.intBitsToFloat(pair << 16));
            c20 = e0.fma(even, o0.fma(odd, c20));
            c21 = e1.fma(even, o1.fma(odd, c21));
            pair = Native.getInt(a + 12);
            odd = FloatVector.broadcast(Native.S, Float.intBitsToFloat(pair & UPPER));
            even = FloatVector.broadcast(Native.S, Float.intBitsToFloat(pair << 16));
            c30 = e0.fma(even, o0.fma(odd, c30));
            c31 = e1.fma(even, o1.fma(odd, c31));
        }
        Native.store(c00, out);
        Native.store(c01, out + 4L * L);
        Native.store(c10, out + stride);
        Native.store(c11, out + stride + 4L * L);
        Native.store(c20, out + 2 * stride);
        Native.store(c21, out + 2 * stride + 4L * L);
        Native.store(c30, out + 3 * stride);
        Native.store(c31, out + 3 * stride + 4L * L);
    }

    /** One row and vector at a time: integers are only worth it in machine code. */
    private static void integers(long x, long panel, long steps, long out, long stride) {
        for (int r = 0; r < 4; r++) {
            for (int j = 0; j < 2 * L; j += L) {
                IntVector sum = IntVector.zero(I);
                for (long k = 0; k < steps; k++) {
                    int pair = Native.getInt(x + 4L * (k * PanelKernel.HEIGHT + r));
                    IntVector w = ints(panel + 4L * (k * PanelKernel.WIDTH + j));
                    IntVector even = w.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 16);
                    sum = sum.add(even.mul((short) pair))
                            .add(w.lanewise(VectorOperators.ASHR, 16).mul(pair >> 16));
                }
                sum.intoMemorySegment(Native.all(), out + r * stride + 4L * j, ByteOrder.nativeOrder());
            }
        }
    }

    private static void bytes(long x, long panel, long steps, long out, long stride) {
        for (int r = 0; r < 4; r++) {
            for (int j = 0; j < 2 * L; j += L) {
                IntVector sum = IntVector.zero(I);
                for (long k = 0; k < steps; k++) {
                    int four = Native.getInt(x + 4L * (k * PanelKernel.HEIGHT + r));
                    IntVector w = ints(panel + 4L * (k * PanelKernel.WIDTH + j));
                    for (int shift = 0; shift < 32; shift += 8) {
                        sum = sum.add(w.lanewise(VectorOperators.LSHR, shift)
                                .and(0xFF)
                                .mul((byte) (four >> shift)));
                    }
                }
                sum.intoMemorySegment(Native.all(), out + r * stride + 4L * j, ByteOrder.nativeOrder());
            }
        }
    }

    private static IntVector ints(long address) {
        return IntVector.fromMemorySegment(I, Native.all(), address, ByteOrder.nativeOrder());
    }
}
