package dev.loupe.map;

import dev.loupe.math.DoubleOps;
import dev.loupe.math.Matrix;

/** The two principal components of rows, by power iteration from fixed beginnings; signs are made unique. */
final class PrincipalPlane {
    private static final int ITERATIONS = 60;

    private PrincipalPlane() {}

    /** Coordinates of unit rows on the two components, x and y in turn, scaled so that x has standard deviation 1e-4. */
    static double[] of(Matrix rows) {
        int n = Math.toIntExact(rows.rows());
        int d = Math.toIntExact(rows.cols());
        double[][] x = new double[n][d];
        double[] mean = new double[d];
        float[] row = new float[d];
        for (int i = 0; i < n; i++) {
            rows.copyRow(i, row);
            double squares = 0;
            for (float v : row) {
                squares += (double) v * v;
            }
            double norm = squares > 0 && squares < Double.POSITIVE_INFINITY ? Math.sqrt(squares) : 1;
            for (int c = 0; c < d; c++) {
                x[i][c] = Float.isFinite(row[c]) ? row[c] / norm : 0;
                mean[c] += x[i][c] / n;
            }
        }
        double[][] covariance = new double[d][d];
        for (double[] p : x) {
            for (int a = 0; a < d; a++) {
                p[a] -= mean[a];
            }
            for (int a = 0; a < d; a++) {
                for (int b = a; b < d; b++) {
                    covariance[a][b] += p[a] * p[b];
                }
            }
        }
        for (int a = 0; a < d; a++) {
            for (int b = 0; b < a; b++) {
                covariance[a][b] = covariance[b][a];
            }
        }
        double[] first = component(covariance, null);
        double[] second = component(covariance, first);
        double[] places = new double[2 * n];
        double variance = 0;
        for (int i = 0; i < n; i++) {
            places[2 * i] = DoubleOps.dot(x[i], first);
            places[2 * i + 1] = DoubleOps.dot(x[i], second);
            variance += places[2 * i] * places[2 * i] / n;
        }
        double scale = variance > 0 ? 1e-4 / Math.sqrt(variance) : 1;
        for (int c = 0; c < places.length; c++) {
            places[c] *= scale;
        }
        return places;
    }

    private static double[] component(double[][] covariance, double @org.jspecify.annotations.Nullable [] not) {
        int d = covariance.length;
        double[] v = new double[d];
        for (int c = 0; c < d; c++) {
            v[c] = Math.sin(1 + c); // any direction that no data singles out
        }
        for (int step = 0; step < ITERATIONS; step++) {
            double[] next = new double[d];
            for (int a = 0; a < d; a++) {
                next[a] = DoubleOps.dot(covariance[a], v);
            }
            if (not != null) {
                double along = DoubleOps.dot(next, not);
                for (int c = 0; c < d; c++) {
                    next[c] -= along * not[c];
                }
            }
            double norm = Math.sqrt(DoubleOps.dot(next, next));
            if (!(norm > 0)) {
                break;
            }
            for (int c = 0; c < d; c++) {
                v[c] = next[c] / norm;
            }
        }
        int largest = 0;
        for (int c = 1; c < d; c++) {
            largest = Math.abs(v[c]) > Math.abs(v[largest]) ? c : largest;
        }
        if (v[largest] < 0) {
            for (int c = 0; c < d; c++) {
                v[c] = -v[c];
            }
        }
        return v;
    }
}
