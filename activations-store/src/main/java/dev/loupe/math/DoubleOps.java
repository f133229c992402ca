package dev.loupe.math;

import java.util.Arrays;

/** Sums in double precision, in the order of the elements: for figures and scalar references, where speed is no matter. */
public final class DoubleOps {
    private DoubleOps() {}

    /** Σ aᵢ bᵢ. */
    public static double dot(double[] a, double[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += a[i] * b[i];
        }
        return sum;
    }

    /** Σ aᵢ bᵢ. */
    public static double dot(float[] a, float[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += (double) a[i] * b[i];
        }
        return sum;
    }

    /** The mean, its sum compensated; NaN of no values. */
    public static double mean(double[] values) {
        return Arrays.stream(values).sum() / values.length;
    }
}
