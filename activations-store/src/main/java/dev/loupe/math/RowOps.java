package dev.loupe.math;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Sums and dot products over several chosen rows of one matrix, four rows at a time: what a sparse product does for one
 * token or one latent. The common vector is read and written once for four rows, which is what bounds the speed of
 * {@link VectorOps} used row by row. The order of additions is fixed.
 */
public final class RowOps {
    private static final VectorSpecies<Float> S = FloatVector.SPECIES_PREFERRED;
    private static final int L = S.length();

    private RowOps() {}

    /**
     * y[yo + i] += Σ_q alphas[q]·x[offsets[q] + i], q from {@code at} to {@code at + count}.
     *
     * @param offsets of rows, in bytes
     */
    public static void addRows(
            float[] alphas, MemorySegment x, long[] offsets, int at, int count, float[] y, int yo, int n) {
        int q = at;
        for (; q + 4 <= at + count; q += 4) {
            addFour(alphas, x, offsets, q, y, yo, n);
        }
        for (; q < at + count; q++) {
            VectorOps.axpy(alphas[q], x, offsets[q], y, yo, n);
        }
    }

    /** The same over rows of an array; offsets in elements. */
    public static void addRows(float[] alphas, float[] x, int[] offsets, int at, int count, float[] y, int yo, int n) {
        int q = at;
        for (; q + 4 <= at + count; q += 4) {
            addFour(alphas, x, offsets, q, y, yo, n);
        }
        for (; q < at + count; q++) {
            VectorOps.axpy(alphas[q], x, offsets[q], y, yo, n);
        }
    }

    /** out[q] = Σ_i a[ao + i]·b[offsets[q] + i], q from {@code at} to {@code at + count}; offsets in bytes. Each is the same bits alone. */
    public static void dotRows(
            float[] a, int ao, MemorySegment b, long[] offsets, int at, int count, float[] out, int n) {
        int q = at;
        for (; q + 4 <= at + count; q += 4) {
            dotFour(a, ao, b, offsets, q, out, n);
        }
        for (; q < at + count; q++) {
            out[q] = dotOne(a, ao, b, offsets[q], n);
        }
    }

    /** In the order of {@link #dotFour}: a row's result does not depend on how many others there are. */
    private static float dotOne(float[] a, int ao, MemorySegment b, long bo, int n) {
        FloatVector s = FloatVector.zero(S);
        int i = 0;
        for (int end = n - L; i <= end; i += L) {
            s = VectorOps.load(b, bo + 4L * i).fma(FloatVector.fromArray(S, a, ao + i), s);
        }
        float sum = VectorOps.sum(s);
        for (; i < n; i++) {
            sum = Math.fma(a[ao + i], b.get(Matrix.FLOAT, bo + 4L * i), sum);
        }
        return sum;
    }

    /**
     * y[i] += Σ_q alpha[q]·x[offset[q] + i] for four rows of one segment: y is read and written once instead of four times.
     *
     * @param offsets in bytes, from {@code at}
     * @param alphas from {@code at}
     */
    private static void addFour(float[] alphas, MemorySegment x, long[] offsets, int at, float[] y, int yo, int n) {
        float a0 = alphas[at];
        float a1 = alphas[at + 1];
        float a2 = alphas[at + 2];
        float a3 = alphas[at + 3];
        long o0 = offsets[at];
        long o1 = offsets[at + 1];
        long o2 = offsets[at + 2];
        long o3 = offsets[at + 3];
        FloatVector v0 = FloatVector.broadcast(S, a0);
        FloatVector v1 = FloatVector.broadcast(S, a1);
        FloatVector v2 = FloatVector.broadcast(S, a2);
        FloatVector v3 = FloatVector.broadcast(S, a3);
        int i = 0;
        for (int end = n - L; i <= end; i += L) {
            FloatVector sum = VectorOps.load(x, o0 + 4L * i).fma(v0, FloatVector.fromArray(S, y, yo + i));
            sum = VectorOps.load(x, o1 + 4L * i).fma(v1, sum);
            sum = VectorOps.load(x, o2 + 4L * i).fma(v2, sum);
            VectorOps.load(x, o3 + 4L * i).fma(v3, sum).intoArray(y, yo + i);
        }
        for (; i < n; i++) {
            float sum = Math.fma(x.get(Matrix.FLOAT, o0 + 4L * i), a0, y[yo + i]);
            sum = Math.fma(x.get(Matrix.FLOAT, o1 + 4L * i), a1, sum);
            sum = Math.fma(x.get(Matrix.FLOAT, o2 + 4L * i), a2, sum);
            y[yo + i] = Math.fma(x.get(Matrix.FLOAT, o3 + 4L * i), a3, sum);
        }
    }

    /** y[i] += Σ_q alpha[q]·x[offset[q] + i] for four rows of one array; offsets in elements. */
    private static void addFour(float[] alphas, float[] x, int[] offsets, int at, float[] y, int yo, int n) {
        float a0 = alphas[at];
        float a1 = alphas[at + 1];
        float a2 = alphas[at + 2];
        float a3 = alphas[at + 3];
        int o0 = offsets[at];
        int o1 = offsets[at + 1];
        int o2 = offsets[at + 2];
        int o3 = offsets[at + 3];
        FloatVector v0 = FloatVector.broadcast(S, a0);
        FloatVector v1 = FloatVector.broadcast(S, a1);
        FloatVector v2 = FloatVector.broadcast(S, a2);
        FloatVector v3 = FloatVector.broadcast(S, a3);
        int i = 0;
        for (int end = n - L; i <= end; i += L) {
            FloatVector sum = FloatVector.fromArray(S, x, o0 + i).fma(v0, FloatVector.fromArray(S, y, yo + i));
            sum = FloatVector.fromArray(S, x, o1 + i).fma(v1, sum);
            sum = FloatVector.fromArray(S, x, o2 + i).fma(v2, sum);
            FloatVector.fromArray(S, x, o3 + i).fma(v3, sum).intoArray(y, yo + i);
        }
        for (; i < n; i++) {
            float sum = Math.fma(x[o0 + i], a0, y[yo + i]);
            sum = Math.fma(x[o1 + i], a1, sum);
            sum = Math.fma(x[o2 + i], a2, sum);
            y[yo + i] = Math.fma(x[o3 + i], a3, sum);
        }
    }

    /** out[at + q] = Σ_i a[ao + i]·b[offset[at + q] + i] for four rows of one segment; offsets in bytes. */
    private static void dotFour(float[] a, int ao, MemorySegment b, long[] offsets, int at, float[] out, int n) {
        long o0 = offsets[at];
        long o1 = offsets[at + 1];
        long o2 = offsets[at + 2];
        long o3 = offsets[at + 3];
        FloatVector s0 = FloatVector.zero(S);
        FloatVector s1 = s0;
        FloatVector s2 = s0;
        FloatVector s3 = s0;
        int i = 0;
        for (int end = n - L; i <= end; i += L) {
            FloatVector av = FloatVector.fromArray(S, a, ao + i);
            s0 = VectorOps.load(b, o0 + 4L * i).fma(av, s0);
            s1 = VectorOps.load(b, o1 + 4L * i).fma(av, s1);
            s2 = VectorOps.load(b, o2 + 4L * i).fma(av, s2);
            s3 = VectorOps.load(b, o3 + 4L * i).fma(av, s3);
        }
        float r0 = VectorOps.sum(s0);
        float r1 = VectorOps.sum(s1);
        float r2 = VectorOps.sum(s2);
        float r3 = VectorOps.sum(s3);
        for (; i < n; i++) {
            r0 = Math.fma(a[ao + i], b.get(Matrix.FLOAT, o0 + 4L * i), r0);
            r1 = Math.fma(a[ao + i], b.get(Matrix.FLOAT, o1 + 4L * i), r1);
            r2 = Math.fma(a[ao + i], b.get(Matrix.FLOAT, o2 + 4L * i), r2);
            r3 = Math.fma(a[ao + i], b.get(Matrix.FLOAT, o3 + 4L * i), r3);
        }
        out[at] = r0;
        out[at + 1] = r1;
        out[at + 2] = r2;
        out[at + 3] = r3;
    }
}
