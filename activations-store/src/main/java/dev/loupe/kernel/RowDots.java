package dev.loupe.kernel;

import static dev.loupe.kernel.Native.L;
import static dev.loupe.kernel.Native.load;

import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Dot products of one vector with four rows of weights at a time: for products of few rows, which last as long as it takes
 * to read the weights. Four streams keep the memory busy.
 */
final class RowDots {
    private RowDots() {}

    /** {@code out[i] = x · row i} for rows of float32 that begin {@code step} bytes after one another; four or fewer. */
    static void floats(long x, long rows, long step, int count, int n, long out) {
        if (count == 4) {
            fourFloats(x, rows, rows + step, rows + 2 * step, rows + 3 * step, n, out);
        } else {
            for (int i = 0; i < count; i++) {
                Native.set(out + 4L * i, oneFloats(x, rows + i * step, n));
            }
        }
    }

    private static void fourFloats(long x, long w0, long w1, long w2, long w3, int n, long out) {
        FloatVector s0 = FloatVector.zero(Native.S);
        FloatVector s1 = s0;
        FloatVector s2 = s0;
        FloatVector s3 = s0;
        int i = 0;
        for (int end = n - L; i <= end; i += L) {
            FloatVector v = load(x + 4L * i);
            s0 = load(w0 + 4L * i).fma(v, s0);
            s1 = load(w1 + 4L * i).fma(v, s1);
            s2 = load(w2 + 4L * i).fma(v, s2);
            s3 = load(w3 + 4L * i).fma(v, s3);
        }
        float r0 = Native.sum(s0);
        float r1 = Native.sum(s1);
        float r2 = Native.sum(s2);
        float r3 = Native.sum(s3);
        for (; i < n; i++) {
            float v = Native.get(x + 4L * i);
            r0 = Math.fma(Native.get(w0 + 4L * i), v, r0);
            r1 = Math.fma(Native.get(w1 + 4L * i), v, r1);
            r2 = Math.fma(Native.get(w2 + 4L * i), v, r2);
            r3 = Math.fma(Native.get(w3 + 4L * i), v, r3);
        }
        Native.set(out, r0);
        Native.set(out + 4, r1);
        Native.set(out + 8, r2);
        Native.set(out + 12, r3);
    }

    /** {@code a · b}, in the order of the others: a row's result does not depend on its neighbours. */
    static float oneFloats(long a, long b, int n) {
        FloatVector s = FloatVector.zero(Native.S);
        int i = 0;
        for (int end = n - L; i <= end; i += L) {
            s = load(b + 4L * i).fma(load(a + 4L * i), s);
        }
        float r = Native.sum(s);
        for (; i < n; i++) {
            r = Math.fma(Native.get(b + 4L * i), Native.get(a + 4L * i), r);
        }
        return r;
    }

    /**
     * Puts a vector into the order that {@link #halves} reads: of every 2 L values those with even numbers, then those
     * with odd ones, because one register of weights holds both.
     */
    static void interleave(long x, int n, long out) {
        int i = 0;
        for (int end = n - 2 * L; i <= end; i += 2 * L) {
            for (int j = 0; j < L; j++) {
                Native.set(out + 4L * (i + j), Native.get(x + 4L * (i + 2 * j)));
                Native.set(out + 4L * (i + L + j), Native.get(x + 4L * (i + 2 * j + 1)));
            }
        }
        Native.copy(x + 4L * i, out + 4L * i, 4L * (n - i));
    }

    /** As {@link #floats} for rows of bfloat16 and an interleaved vector; the odd value of a pair is added before the even one. */
    static void halves(long x, long rows, long step, int count, int n, long out) {
        if (count == 4) {
            fourHalves(x, rows, rows + step, rows + 2 * step, rows + 3 * step, n, out);
        } else {
            for (int i = 0; i < count; i++) {
                Native.set(out + 4L * i, oneHalves(x, rows + i * step, n));
            }
        }
    }

    private static IntVector pairs(long address) {
        return IntVector.fromMemorySegment(StoredMatrix.INTS, Native.all(), address, ByteOrder.LITTLE_ENDIAN);
    }

    private static FloatVector even(IntVector pairs) {
        return pairs.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
    }

    private static FloatVector odd(IntVector pairs) {
        return pairs.lanewise(VectorOperators.AND, 0xFFFF0000).reinterpretAsFloats();
    }

    private static void fourHalves(long x, long w0, long w1, long w2, long w3, int n, long out) {
        FloatVector s0 = FloatVector.zero(Native.S);
        FloatVector s1 = s0;
        FloatVector s2 = s0;
        FloatVector s3 = s0;
        int i = 0;
        for (int end = n - 2 * L; i <= end; i += 2 * L) {
            FloatVector a = load(x + 4L * i);
            FloatVector b = load(x + 4L * (i + L));
            IntVector p0 = pairs(w0 + 2L * i);
            s0 = even(p0).fma(a, odd(p0).fma(b, s0));
            IntVector p1 = pairs(w1 + 2L * i);
            s1 = even(p1).fma(a, odd(p1).fma(b, s1));
            IntVector p2 = pairs(w2 + 2L * i);
            s2 = even(p2).fma(a, odd(p2).fma(b, s2));
            IntVector p3 = pairs(w3 + 2L * i);
            s3 = even(p3).fma(a, odd(p3).fma(b, s3));
        }
        Native.set(out, tail(x, w0, i, n, Native.sum(s0)));
        Native.set(out + 4, tail(x, w1, i, n, Native.sum(s1)));
        Native.set(out + 8, tail(x, w2, i, n, Native.sum(s2)));
        Native.set(out + 12, tail(x, w3, i, n, Native.sum(s3)));
    }

    private static float oneHalves(long x, long w, int n) {
        FloatVector s = FloatVector.zero(Native.S);
        int i = 0;
        for (int end = n - 2 * L; i <= end; i += 2 * L) {
            IntVector p = pairs(w + 2L * i);
            s = even(p).fma(load(x + 4L * i), odd(p).fma(load(x + 4L * (i + L)), s));
        }
        return tail(x, w, i, n, Native.sum(s));
    }

    private static float tail(long x, long w, int from, int n, float sum) {
        float s = sum;
        for (int i = from; i < n; i++) {
            s = Math.fma(StoredMatrix.half(w + 2L * i), Native.get(x + 4L * i), s);
        }
        return s;
    }
}
