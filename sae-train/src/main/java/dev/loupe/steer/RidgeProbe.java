package dev.loupe.steer;

/**
 * A linear probe between two sets of points, by ridge regression on ±1 in its dual form, which is exact and quick for few
 * points of many dimensions. A constant belongs to the inputs. Left-out predictions come in closed form from the hat matrix
 * H = K (K + λI)⁻¹: the i-th residual without point i is (y − Hy)_i / (1 − H_ii) (Allen's PRESS).
 */
final class RidgeProbe {
    private static final double SHARE = 0.1;

    private final float[] weights;
    private final double accuracy;

    private RidgeProbe(float[] weights, double accuracy) {
        this.weights = weights;
        this.accuracy = accuracy;
    }

    /**
     * Fits.
     *
     * @param x the points {@code [n, d]}, the first set's first
     * @param first how many belong to the first set
     */
    static RidgeProbe fit(float[][] x, int first) {
        int n = x.length;
        int d = x[0].length;
        double[] mean = new double[d];
        for (float[] row : x) {
            for (int k = 0; k < d; k++) {
                mean[k] += row[k] / n;
            }
        }
        double[][] gram = new double[n][n];
        double trace = 0;
        for (int i = 0; i < n; i++) {
            for (int j = 0; j <= i; j++) {
                for (int k = 0; k < d; k++) {
                    gram[i][j] += (x[i][k] - mean[k]) * (x[j][k] - mean[k]);
                }
                gram[j][i] = gram[i][j];
            }
            trace += gram[i][i];
        }
        double scale = trace > 0 ? trace / n : 1;
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < n; j++) {
                gram[i][j] += scale; // the constant, as large as the points
            }
        }
        double lambda = SHARE * scale;
        double[][] inverse = inverse(gram, lambda);
        double[] alpha = new double[n];
        int right = 0;
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < n; j++) {
                alpha[i] += inverse[i][j] * (j < first ? 1 : -1);
            }
            // 1 − H_ii = λ inverse_ii and (y − Hy)_i = λ alpha_i
            double y = i < first ? 1 : -1;
            double leftOut = y - alpha[i] / inverse[i][i];
            right += leftOut * y > 0 ? 1 : 0;
        }
        float[] w = new float[d];
        for (int k = 0; k < d; k++) {
            double sum = 0;
            for (int i = 0; i < n; i++) {
                sum += alpha[i] * (x[i][k] - mean[k]);
            }
            w[k] = (float) sum;
        }
        return new RidgeProbe(w, (double) right / n);
    }

    double accuracy() {
        return accuracy;
    }

    /** The weights with another size. */
    float[] scaled(double size) {
        double norm = Direction.norm(weights);
        float[] w = new float[weights.length];
        for (int k = 0; k < w.length; k++) {
            w[k] = norm > 0 ? (float) (weights[k] * size / norm) : 0;
        }
        return w;
    }

    /** (k + λI)⁻¹ by Gauss and Jordan; the matrix is positive definite, so that no pivot is needed. */
    private static double[][] inverse(double[][] k, double lambda) {
        int n = k.length;
        double[][] a = new double[n][2 * n];
        for (int i = 0; i < n; i++) {
            System.arraycopy(k[i], 0, a[i], 0, n);
            a[i][i] += lambda;
            a[i][n + i] = 1;
        }
        for (int p = 0; p < n; p++) {
            double pivot = a[p][p];
            for (int c = p; c < 2 * n; c++) {
                a[p][c] /= pivot;
            }
            for (int r = 0; r < n; r++) {
                double by = a[r][p];
                if (r == p || by == 0) {
                    continue;
                }
                for (int c = p; c < 2 * n; c++) {
                    a[r][c] -= by * a[p][c];
                }
            }
        }
        double[][] inverse = new double[n][n];
        for (int i = 0; i < n; i++) {
            System.arraycopy(a[i], n, inverse[i], 0, n);
        }
        return inverse;
    }
}
