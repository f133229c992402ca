package dev.loupe.kernel;

/** The readable references of gradients: plain loops over arrays, in double. */
final class ScalarGradients {
    private ScalarGradients() {}

    /** One row of {@link NormGradient}. */
    static double[] norm(double[] g, double[] x, double[] gain, double eps, boolean centre, boolean frozen) {
        int n = x.length;
        double mean = 0;
        for (double v : x) {
            mean += centre ? v / n : 0;
        }
        double squares = 0;
        for (double v : x) {
            squares += (v - mean) * (v - mean) / n;
        }
        double s = Math.sqrt(squares + eps);
        double along = 0;
        for (int i = 0; i < n; i++) {
            along += frozen ? 0 : g[i] * gain[i] * (x[i] - mean) / s / n;
        }
        double[] out = new double[n];
        double sum = 0;
        for (int i = 0; i < n; i++) {
            out[i] = (g[i] * gain[i] - (x[i] - mean) / s * along) / s;
            sum += out[i];
        }
        for (int i = 0; i < n; i++) {
            out[i] -= centre ? sum / n : 0;
        }
        return out;
    }

    /** {@link Slopes} of one value. */
    static double slope(Slopes which, Activations f, double temperature, double x) {
        double ratio = which == Slopes.SOFT_GATE ? sigmoid(x / temperature) : ratio(f, x);
        if (which != Slopes.DERIVATIVE) {
            return ratio;
        }
        return switch (f) {
            case RELU -> ratio;
            case SILU -> ratio + x * ratio * (1 - ratio);
            case GELU -> ratio + x * Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
            case GELU_TANH -> ratio + 2 * x * ratio * (1 - ratio) * Math.sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * x * x);
        };
    }

    private static double ratio(Activations f, double x) {
        return switch (f) {
            case RELU -> x > 0 ? 1 : 0;
            case SILU -> sigmoid(x);
            case GELU -> (1 + ScalarPasses.erf(x / Math.sqrt(2))) / 2;
            case GELU_TANH -> sigmoid(2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x));
        };
    }

    private static double sigmoid(double x) {
        return 1 / (1 + Math.exp(-x));
    }

    /**
     * One query head of {@link AttentionGradient}; adds to dk and dv.
     *
     * @param q {@code [positions][dHead]}, as are the others
     */
    static void attention(
            AttentionGradient a,
            boolean frozen,
            double[][] q,
            double[][] k,
            double[][] v,
            double[][] dz,
            double[][] dq,
            double[][] dk,
            double[][] dv) {
        for (int t = 0; t < q.length; t++) {
            int from = a.window() == 0 ? 0 : Math.max(0, t + 1 - a.window());
            double[] p = new double[t + 1];
            double[] slope = new double[t + 1]; // of the score by the product q k
            double sum = 0;
            for (int i = from; i <= t; i++) {
                double s = dot(q[t], k[i]) * a.scale();
                double tanh = a.cap() == 0 ? 0 : Math.tanh(s / a.cap());
                slope[i] = a.scale() * (1 - tanh * tanh);
                p[i] = Math.exp(a.cap() == 0 ? s : a.cap() * tanh);
                sum += p[i];
            }
            double mean = 0;
            for (int i = from; i <= t; i++) {
                p[i] /= sum;
                mean += p[i] * dot(dz[t], v[i]);
            }
            for (int i = from; i <= t; i++) {
                double ds = frozen ? 0 : p[i] * (dot(dz[t], v[i]) - mean) * slope[i];
                for (int c = 0; c < q[t].length; c++) {
                    dv[i][c] += p[i] * dz[t][c];
                    dq[t][c] += ds * k[i][c];
                    dk[i][c] += ds * q[t][c];
                }
            }
        }
    }

    private static double dot(double[] a, double[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += a[i] * b[i];
        }
        return sum;
    }
}
