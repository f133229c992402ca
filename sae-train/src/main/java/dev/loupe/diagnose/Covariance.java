package dev.loupe.diagnose;

import dev.loupe.math.Matrix;
import dev.loupe.math.MatrixProduct;
import java.lang.foreign.Arena;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Means and covariance of rows, block by block. */
public final class Covariance {
    private static final int BLOCK = 512;

    private final int d;
    private final double[] sum;
    private final double[][] products; // lower triangle and above: Σ x xᵀ around the first row
    private final float[][] block = new float[BLOCK][];
    private float @Nullable [] origin;
    private int waiting;
    private long rows;

    /** For rows of a width. */
    public Covariance(int d) {
        this.d = d;
        this.sum = new double[d];
        this.products = new double[d][d];
    }

    /** Adds a row, which may be reused. */
    public void add(float[] row) {
        float[] first = origin;
        if (first == null) {
            first = row.clone();
            origin = first;
        }
        float[] shifted = new float[d]; // around one of the rows, so that little is lost where the mean is large
        for (int j = 0; j < d; j++) {
            shifted[j] = row[j] - first[j];
            sum[j] += shifted[j];
        }
        block[waiting++] = shifted;
        rows++;
        if (waiting == BLOCK) {
            flush();
        }
    }

    private void flush() {
        if (waiting == 0) {
            return;
        }
        try (Arena arena = Arena.ofShared()) {
            Matrix columns = Matrix.copyOf(Arrays.copyOf(block, waiting)).transposed(arena);
            Matrix product = Matrix.allocate(arena, d, d);
            MatrixProduct.best().multiplyNT(columns, columns, product);
            float[] row = new float[d];
            for (int i = 0; i < d; i++) {
                product.copyRow(i, row);
                for (int j = 0; j < d; j++) {
                    products[i][j] += row[j];
                }
            }
        }
        waiting = 0;
    }

    /** How many rows. */
    public long rows() {
        return rows;
    }

    /** The mean row. */
    public double[] mean() {
        double[] mean = new double[d];
        for (int j = 0; j < d; j++) {
            mean[j] = sum[j] / rows + (origin == null ? 0 : origin[j]);
        }
        return mean;
    }

    /** The covariance, divided by the number of rows. */
    public double[][] covariance() {
        flush();
        double[][] c = new double[d][d];
        for (int i = 0; i < d; i++) {
            for (int j = 0; j < d; j++) {
                c[i][j] = products[i][j] / rows - sum[i] / rows * sum[j] / rows;
            }
        }
        return c;
    }

    /** (Σ λ)² / Σ λ² of the covariance: how many directions it fills, without finding them. */
    public double participationRatio() {
        double trace = 0;
        double squares = 0;
        double[][] c = covariance();
        for (int i = 0; i < d; i++) {
            trace += c[i][i];
            for (int j = 0; j < d; j++) {
                squares += c[i][j] * c[i][j];
            }
        }
        return squares == 0 ? 0 : trace * trace / squares;
    }
}
