package dev.loupe.math;

/**
 * The threshold above which about k of n values lie if they are normally distributed: θ = mean + std · Q(1 − k/n), Q the
 * quantile function of the standard normal distribution (Spark Transformer, arXiv 2506.06644). Two sums in place of a
 * sort; approximate: how many values exceed it depends on their distribution, and values with a heavy tail exceed it more
 * or less often than k times.
 */
public final class StatisticalTopK {
    private StatisticalTopK() {}

    /** θ for {@code values[at .. at + n)}; −∞ where all are wanted, ∞ where none is. */
    public static double threshold(float[] values, int at, int n, int k) {
        double s0 = 0;
        double s1 = 0;
        double q0 = 0;
        double q1 = 0;
        int i = 0;
        for (; i + 1 < n; i += 2) { // two chains of additions, so that they overlap
            double a = values[at + i];
            double b = values[at + i + 1];
            s0 += a;
            s1 += b;
            q0 += a * a;
            q1 += b * b;
        }
        if (i < n) {
            double a = values[at + i];
            s0 += a;
            q0 += a * a;
        }
        return threshold(s0 + s1, q0 + q1, n, k);
    }

    /**
     * θ from sums.
     *
     * @param sum Σ v
     * @param squares Σ v²
     */
    public static double threshold(double sum, double squares, int n, int k) {
        if (k >= n) {
            return Double.NEGATIVE_INFINITY;
        }
        if (k <= 0) {
            return Double.POSITIVE_INFINITY;
        }
        double mean = sum / n;
        double variance = squares / n - mean * mean;
        // not Math.max, which would hide that a sum is not a number
        return mean + Math.sqrt(variance < 0 ? 0 : variance) * quantile(1 - (double) k / n);
    }

    /**
     * Q(p): the value that a standard normal variable stays below with probability p, to about 1e-15 relative
     * (M. J. Wichura, Algorithm AS 241, Applied Statistics 37, 1988).
     *
     * @param p in (0, 1)
     */
    public static double quantile(double p) {
        double q = p - 0.5;
        if (Math.abs(q) <= 0.425) {
            double r = 0.180625 - q * q;
            return q * ratio(r, NEAR, NEAR_BELOW);
        }
        double tail = q < 0 ? p : 1 - p;
        double r = Math.sqrt(-Math.log(tail));
        double x = r <= 5 ? ratio(r - 1.6, MIDDLE, MIDDLE_BELOW) : ratio(r - 5, FAR, FAR_BELOW);
        return q < 0 ? -x : x;
    }

    private static double ratio(double r, double[] above, double[] below) {
        return polynomial(r, above) / polynomial(r, below);
    }

    private static double polynomial(double r, double[] c) {
        double sum = 0;
        for (int i = c.length - 1; i >= 0; i--) {
            sum = sum * r + c[i];
        }
        return sum;
    }

    private static final double[] NEAR = {
        3.3871328727963666080e0,
        1.3314166789178437745e2,
        1.9715909503065514427e3,
        1.3731693765509461125e4,
        4.5921953931549871457e4,
        6.7265770927008700853e4,
        3.3430575583588128105e4,
        2.5090809287301226727e3
    };
    private static final double[] NEAR_BELOW = {
        1,
        4.2313330701600911252e1,
        6.8718700749205790830e2,
        5.3941960214247511077e3,
        2.1213794301586595867e4,
        3.9307895800092710610e4,
        2.8729085735721942674e4,
        5.2264952788528545610e3
    };
    private static final double[] MIDDLE = {
        1.42343711074968357734e0,
        4.63033784615654529590e0,
        5.76949722146069140550e0,
        3.64784832476320460504e0,
        1.27045825245236838258e0,
        2.41780725177450611770e-1,
        2.27238449892691845833e-2,
        7.74545014278341407640e-4
    };
    private static final double[] MIDDLE_BELOW = {
        1,
        2.05319162663775882187e0,
        1.67638483018380384940e0,
        6.89767334985100004550e-1,
        1.48103976427480074590e-1,
        1.51986665636164571966e-2,
        5.47593808499534494600e-4,
        1.05075007164441684324e-9
    };
    private static final double[] FAR = {
        6.65790464350110377720e0,
        5.46378491116411436990e0,
        1.78482653991729133580e0,
        2.96560571828504891230e-1,
        2.65321895265761230930e-2,
        1.24266094738807843860e-3,
        2.71155556874348757815e-5,
        2.01033439929228813265e-7
    };
    private static final double[] FAR_BELOW = {
        1,
        5.99832206555887937690e-1,
        1.36929880922735805310e-1,
        1.48753612908506148525e-2,
        7.86869131145613259100e-4,
        1.84631831751005468180e-5,
        1.42151175831644588870e-7,
        2.04426310338993978564e-15
    };
}
