package dev.loupe.math;

import static java.nio.ByteOrder.nativeOrder;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * Kernels over vectors of float32, in SIMD. Offsets into segments are bytes, into arrays are elements; {@code n} counts
 * elements. Results agree with the scalar reference up to rounding; NaN and infinity pass through. The order of a sum
 * depends on the vector width only, so a machine repeats its own results bit by bit.
 */
public final class VectorOps {
    private static final VectorSpecies<Float> S = FloatVector.SPECIES_PREFERRED;
    private static final int L = S.length();
    private static final VectorShuffle<Float> BY_8 = VectorShuffle.iota(S, 8, 1, true);
    private static final VectorShuffle<Float> BY_4 = VectorShuffle.iota(S, 4, 1, true);
    private static final VectorShuffle<Float> BY_2 = VectorShuffle.iota(S, 2, 1, true);
    private static final VectorShuffle<Float> BY_1 = VectorShuffle.iota(S, 1, 1, true);

    private VectorOps() {}

    /** Floats per SIMD register: 16 with AVX-512, 8 with AVX2, 4 with NEON. */
    public static int lanes() {
        return L;
    }

    /** Σ a[i]·b[i]. */
    public static float dot(MemorySegment a, long ao, MemorySegment b, long bo, int n) {
        FloatVector s0 = FloatVector.zero(S);
        FloatVector s1 = s0;
        FloatVector s2 = s0;
        FloatVector s3 = s0;
        int i = 0;
        for (int end = n - 4 * L; i <= end; i += 4 * L) {
            long o = 4L * i;
            s0 = load(a, ao + o).fma(load(b, bo + o), s0);
            s1 = load(a, ao + o + 4L * L).fma(load(b, bo + o + 4L * L), s1);
            s2 = load(a, ao + o + 8L * L).fma(load(b, bo + o + 8L * L), s2);
            s3 = load(a, ao + o + 12L * L).fma(load(b, bo + o + 12L * L), s3);
        }
        for (int end = n - L; i <= end; i += L) {
            s0 = load(a, ao + 4L * i).fma(load(b, bo + 4L * i), s0);
        }
        float sum = sum(s0.add(s1).add(s2.add(s3)));
        for (; i < n; i++) {
            sum = Math.fma(a.get(Matrix.FLOAT, ao + 4L * i), b.get(Matrix.FLOAT, bo + 4L * i), sum);
        }
        return sum;
    }

    /** Σ a[i]·b[i]. */
    public static float dot(float[] a, int ao, MemorySegment b, long bo, int n) {
        FloatVector s0 = FloatVector.zero(S);
        FloatVector s1 = s0;
        FloatVector s2 = s0;
        FloatVector s3 = s0;
        int i = 0;
        for (int end = n - 4 * L; i <= end; i += 4 * L) {
            long o = bo + 4L * i;
            s0 = FloatVector.fromArray(S, a, ao + i).fma(load(b, o), s0);
            s1 = FloatVector.fromArray(S, a, ao + i + L).fma(load(b, o + 4L * L), s1);
            s2 = FloatVector.fromArray(S, a, ao + i + 2 * L).fma(load(b, o + 8L * L), s2);
            s3 = FloatVector.fromArray(S, a, ao + i + 3 * L).fma(load(b, o + 12L * L), s3);
        }
        for (int end = n - L; i <= end; i += L) {
            s0 = FloatVector.fromArray(S, a, ao + i).fma(load(b, bo + 4L * i), s0);
        }
        float sum = sum(s0.add(s1).add(s2.add(s3)));
        for (; i < n; i++) {
            sum = Math.fma(a[ao + i], b.get(Matrix.FLOAT, bo + 4L * i), sum);
        }
        return sum;
    }

    /** Σ a[i]·b[i]. */
    public static float dot(float[] a, int ao, float[] b, int bo, int n) {
        FloatVector s0 = FloatVector.zero(S);
        FloatVector s1 = s0;
        int i = 0;
        for (int end = n - 2 * L; i <= end; i += 2 * L) {
            s0 = FloatVector.fromArray(S, a, ao + i).fma(FloatVector.fromArray(S, b, bo + i), s0);
            s1 = FloatVector.fromArray(S, a, ao + i + L).fma(FloatVector.fromArray(S, b, bo + i + L), s1);
        }
        for (int end = n - L; i <= end; i += L) {
            s0 = FloatVector.fromArray(S, a, ao + i).fma(FloatVector.fromArray(S, b, bo + i), s0);
        }
        float sum = sum(s0.add(s1));
        for (; i < n; i++) {
            sum = Math.fma(a[ao + i], b[bo + i], sum);
        }
        return sum;
    }

    /** y[i] += alpha·x[i]. */
    public static void axpy(float alpha, MemorySegment x, long xo, MemorySegment y, long yo, int n) {
        FloatVector av = FloatVector.broadcast(S, alpha);
        int i = 0;
        for (int end = n - L; i <= end; i += L) {
            load(x, xo + 4L * i).fma(av, load(y, yo + 4L * i)).intoMemorySegment(y, yo + 4L * i, nativeOrder());
        }
        for (; i < n; i++) {
            long at = yo + 4L * i;
            y.set(Matrix.FLOAT, at, Math.fma(x.get(Matrix.FLOAT, xo + 4L * i), alpha, y.get(Matrix.FLOAT, at)));
        }
    }

    /** y[i] += alpha·x[i]. */
    public static void axpy(float alpha, MemorySegment x, long xo, float[] y, int yo, int n) {
        FloatVector av = FloatVector.broadcast(S, alpha);
        int i = 0;
        for (int end = n - 2 * L; i <= end; i += 2 * L) {
            load(x, xo + 4L * i).fma(av, FloatVector.fromArray(S, y, yo + i)).intoArray(y, yo + i);
            load(x, xo + 4L * (i + L))
                    .fma(av, FloatVector.fromArray(S, y, yo + i + L))
                    .intoArray(y, yo + i + L);
        }
        for (int end = n - L; i <= end; i += L) {
            load(x, xo + 4L * i).fma(av, FloatVector.fromArray(S, y, yo + i)).intoArray(y, yo + i);
        }
        for (; i < n; i++) {
            y[yo + i] = Math.fma(x.get(Matrix.FLOAT, xo + 4L * i), alpha, y[yo + i]);
        }
    }

    /** y[i] += alpha·x[i]. */
    public static void axpy(float alpha, float[] x, int xo, float[] y, int yo, int n) {
        FloatVector av = FloatVector.broadcast(S, alpha);
        int i = 0;
        for (int end = n - L; i <= end; i += L) {
            FloatVector.fromArray(S, x, xo + i)
                    .fma(av, FloatVector.fromArray(S, y, yo + i))
                    .intoArray(y, yo + i);
        }
        for (; i < n; i++) {
            y[yo + i] = Math.fma(x[xo + i], alpha, y[yo + i]);
        }
    }

    /** Σ a[i]². */
    public static float sumSquares(MemorySegment a, long ao, int n) {
        return dot(a, ao, a, ao, n);
    }

    /** The largest |a[i]|; any number if one of them is NaN. */
    public static float largest(MemorySegment a, long ao, int n) {
        FloatVector max = FloatVector.zero(S);
        int i = 0;
        for (int end = n - L; i <= end; i += L) {
            max = max.max(load(a, ao + 4L * i).abs());
        }
        float result = max.reduceLanes(VectorOperators.MAX); // the order of a maximum changes no bit
        for (; i < n; i++) {
            result = Math.max(result, Math.abs(a.get(Matrix.FLOAT, ao + 4L * i)));
        }
        return result;
    }

    /** How many of a[i] are not zero and of a magnitude below the limit. */
    public static int countBelow(MemorySegment a, long ao, int n, float limit) {
        int count = 0;
        int i = 0;
        for (int end = n - L; i <= end; i += L) {
            FloatVector v = load(a, ao + 4L * i).abs();
            count += v.compare(VectorOperators.LT, limit)
                    .and(v.compare(VectorOperators.GT, 0))
                    .trueCount();
        }
        for (; i < n; i++) {
            float v = Math.abs(a.get(Matrix.FLOAT, ao + 4L * i));
            count += v > 0 && v < limit ? 1 : 0;
        }
        return count;
    }

    /** x[i] *= alpha. */
    public static void scale(float alpha, MemorySegment x, long xo, int n) {
        int i = 0;
        for (int end = n - L; i <= end; i += L) {
            load(x, xo + 4L * i).mul(alpha).intoMemorySegment(x, xo + 4L * i, nativeOrder());
        }
        for (; i < n; i++) {
            long at = xo + 4L * i;
            x.set(Matrix.FLOAT, at, alpha * x.get(Matrix.FLOAT, at));
        }
    }

    /**
     * Collects, in ascending order, the indexes i in [from, to) with {@code values[i] > limits[i - from + limitAt]}.
     * NaN is never collected.
     *
     * @param out receives the indexes minus {@code from}; must have room for all of them
     * @return how many there are
     */
    public static int above(float[] values, int from, int to, float[] limits, int limitAt, int[] out) {
        int count = 0;
        int i = from;
        int n = to - from;
        for (int end = to - L; i <= end; i += L) {
            VectorMask<Float> hit = FloatVector.fromArray(S, values, i)
                    .compare(VectorOperators.GT, FloatVector.fromArray(S, limits, limitAt + i - from));
            for (long bits = hit.toLong(); bits != 0; bits &= bits - 1) {
                out[count++] = i - from + Long.numberOfTrailingZeros(bits);
            }
        }
        for (; i < from + n; i++) {
            if (values[i] > limits[limitAt + i - from]) {
                out[count++] = i - from;
            }
        }
        return count;
    }

    /**
     * Collects, in ascending order, the indexes i in [from, to) with {@code values[i] >= limits[i - from + limitAt]} or
     * {@code values[i] >= limit}. NaN is never collected.
     *
     * @param out receives the indexes minus {@code from}; must have room for all of them
     * @return how many there are
     */
    public static int reaching(float[] values, int from, int to, float[] limits, int limitAt, float limit, int[] out) {
        int count = 0;
        int i = from;
        for (int end = to - L; i <= end; i += L) {
            FloatVector v = FloatVector.fromArray(S, values, i);
            FloatVector bar =
                    FloatVector.fromArray(S, limits, limitAt + i - from).min(limit);
            VectorMask<Float> hit = v.compare(VectorOperators.GE, bar);
            for (long bits = hit.toLong(); bits != 0; bits &= bits - 1) {
                out[count++] = i - from + Long.numberOfTrailingZeros(bits);
            }
        }
        for (; i < to; i++) {
            if (values[i] >= limits[limitAt + i - from] || values[i] >= limit) {
                out[count++] = i - from;
            }
        }
        return count;
    }

    /**
     * Collects, in ascending order, the indexes i in [from, to) with {@code values[i] - shifts[i - from + shiftAt] >
     * limit}. NaN is never collected.
     *
     * @param out receives the indexes minus {@code from}; must have room for all of them
     * @return how many there are
     */
    public static int aboveShifted(
            float[] values, int from, int to, float[] shifts, int shiftAt, float limit, int[] out) {
        int count = 0;
        int i = from;
        for (int end = to - L; i <= end; i += L) {
            FloatVector v = FloatVector.fromArray(S, values, i);
            VectorMask<Float> hit =
                    v.sub(FloatVector.fromArray(S, shifts, shiftAt + i - from)).compare(VectorOperators.GT, limit);
            for (long bits = hit.toLong(); bits != 0; bits &= bits - 1) {
                out[count++] = i - from + Long.numberOfTrailingZeros(bits);
            }
        }
        for (; i < to; i++) {
            if (values[i] - shifts[shiftAt + i - from] > limit) {
                out[count++] = i - from;
            }
        }
        return count;
    }

    /**
     * The sum of all lanes in a fixed order. {@code reduceLanes} leaves the order open, and interpreted and compiled code
     * choose different ones: then a run would not repeat its own bits.
     */
    static float sum(FloatVector v) {
        FloatVector s = v;
        if (L >= 16) {
            s = s.add(s.rearrange(BY_8));
        }
        if (L >= 8) {
            s = s.add(s.rearrange(BY_4));
        }
        if (L >= 4) {
            s = s.add(s.rearrange(BY_2));
        }
        return s.add(s.rearrange(BY_1)).lane(0);
    }

    static FloatVector load(MemorySegment s, long offset) {
        return FloatVector.fromMemorySegment(S, s, offset, nativeOrder());
    }
}
