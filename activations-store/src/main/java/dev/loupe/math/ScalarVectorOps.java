package dev.loupe.math;

import static dev.loupe.math.Matrix.FLOAT;

import java.lang.foreign.MemorySegment;

/** The readable reference of {@link VectorOps}: one loop each, sums in double. The fast path is tested against it. */
final class ScalarVectorOps {
    private ScalarVectorOps() {}

    static double dot(MemorySegment a, long ao, MemorySegment b, long bo, int n) {
        double sum = 0;
        for (int i = 0; i < n; i++) {
            sum += (double) a.get(FLOAT, ao + 4L * i) * b.get(FLOAT, bo + 4L * i);
        }
        return sum;
    }

    static double dot(float[] a, int ao, MemorySegment b, long bo, int n) {
        double sum = 0;
        for (int i = 0; i < n; i++) {
            sum += (double) a[ao + i] * b.get(FLOAT, bo + 4L * i);
        }
        return sum;
    }

    static double dot(float[] a, int ao, float[] b, int bo, int n) {
        double sum = 0;
        for (int i = 0; i < n; i++) {
            sum += (double) a[ao + i] * b[bo + i];
        }
        return sum;
    }

    static void axpy(float alpha, MemorySegment x, long xo, MemorySegment y, long yo, int n) {
        for (int i = 0; i < n; i++) {
            long at = yo + 4L * i;
            y.set(FLOAT, at, (float) (y.get(FLOAT, at) + (double) alpha * x.get(FLOAT, xo + 4L * i)));
        }
    }

    static void axpy(float alpha, MemorySegment x, long xo, float[] y, int yo, int n) {
        for (int i = 0; i < n; i++) {
            y[yo + i] = (float) (y[yo + i] + (double) alpha * x.get(FLOAT, xo + 4L * i));
        }
    }

    static void axpy(float alpha, float[] x, int xo, float[] y, int yo, int n) {
        for (int i = 0; i < n; i++) {
            y[yo + i] = (float) (y[yo + i] + (double) alpha * x[xo + i]);
        }
    }

    static double sumSquares(MemorySegment a, long ao, int n) {
        return dot(a, ao, a, ao, n);
    }

    static void scale(float alpha, MemorySegment x, long xo, int n) {
        for (int i = 0; i < n; i++) {
            x.set(FLOAT, xo + 4L * i, alpha * x.get(FLOAT, xo + 4L * i));
        }
    }
}
