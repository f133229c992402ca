package dev.loupe.kernel;

/** The readable references of {@link Passes} and {@link Attention}: plain loops over arrays, in double. */
final class ScalarPasses {
    private ScalarPasses() {}

    /** One row of {@link Passes#norm}; {@code bias} may be empty. */
    static double[] norm(double[] x, double[] gain, double[] bias, double eps, boolean centre) {
        double mean = 0;
        for (double v : x) {
            mean += centre ? v / x.length : 0;
        }
        double squares = 0;
        for (double v : x) {
            squares += (v - mean) * (v - mean) / x.length;
        }
        double[] y = new double[x.length];
        for (int i = 0; i < x.length; i++) {
            y[i] = (x[i] - mean) / Math.sqrt(squares + eps) * gain[i] + (bias.length == 0 ? 0 : bias[i]);
        }
        return y;
    }

    /** One head of {@link Passes#rotate}. */
    static double[] rotate(double[] x, double[] cos, double[] sin, boolean back) {
        double[] y = x.clone();
        int half = cos.length;
        for (int i = 0; i < half; i++) {
            double s = back ? -sin[i] : sin[i];
            y[i] = x[i] * cos[i] - x[half + i] * s;
            y[half + i] = x[half + i] * cos[i] + x[i] * s;
        }
        return y;
    }

    /** The error function by its Taylor series, where that converges well, else by the continued fraction of erfc. */
    static double erf(double x) {
        double a = Math.abs(x);
        if (a > 6) {
            return Math.signum(x);
        }
        if (a < 2.5) {
            double term = a;
            double sum = a;
            for (int n = 1; n < 80; n++) {
                term *= -a * a / n;
                sum += term / (2 * n + 1);
            }
            return Math.signum(x) * 2 / Math.sqrt(Math.PI) * sum;
        }
        double fraction = 0;
        for (int n = 60; n > 0; n--) {
            fraction = n / 2.0 / (a + fraction);
        }
        return Math.signum(x) * (1 - Math.exp(-a * a) / Math.sqrt(Math.PI) / (a + fraction));
    }

    static double gelu(double x) {
        return x / 2 * (1 + erf(x / Math.sqrt(2)));
    }

    static double silu(double x) {
        return x / (1 + Math.exp(-x));
    }

    static double geluTanh(double x) {
        return x / 2 * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)));
    }

    /**
     * One query of one head.
     *
     * @param k {@code [keys][dHead]}, all of the sequence
     * @param position of the query among the keys
     */
    static double[] attention(Attention a, double[] q, double[][] k, double[][] v, int position) {
        int end = Math.min(k.length, position + 1);
        int from = a.window() == 0 ? 0 : Math.min(k.length - 1, Math.max(0, position + 1 - a.window()));
        double[] p = new double[k.length];
        double sum = 0;
        for (int i = from; i < end; i++) {
            double s = 0;
            for (int c = 0; c < q.length; c++) {
                s += q[c] * k[i][c];
            }
            s *= a.scale();
            s = a.cap() == 0 ? s : a.cap() * Math.tanh(s / a.cap());
            p[i] = Math.exp(s);
            sum += p[i];
        }
        double[] z = new double[q.length];
        for (int i = from; i < end; i++) {
            for (int c = 0; c < q.length; c++) {
                z[c] += p[i] / sum * v[i][c];
            }
        }
        return z;
    }
}
