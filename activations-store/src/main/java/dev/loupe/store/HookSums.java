package dev.loupe.store;

import dev.loupe.math.Matrix;
import tools.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * Sums over the training rows of a hook point, in double precision. Sums of shards are added in the order of shards,
 * so an interrupted capture ends with the same digits as one in a single run.
 *
 * @param rows how many rows were summed
 * @param sum by dimension
 * @param squares sum of ‖x‖²
 * @param norms sum of ‖x‖
 */
@JsonNaming(SnakeCaseStrategy.class)
record HookSums(long rows, double[] sum, double squares, double norms) {
    static HookSums zero(int width) {
        return new HookSums(0, new double[width], 0, 0);
    }

    /** Whether every value met was a finite number. */
    boolean finite() {
        return Double.isFinite(squares);
    }

    HookSums plus(HookSums other) {
        double[] total = sum.clone();
        for (int i = 0; i < total.length; i++) {
            total[i] += other.sum[i];
        }
        return new HookSums(rows + other.rows, total, squares + other.squares, norms + other.norms);
    }

    StoreManifest.Hook summary(Dtype dtype) {
        double[] mean = new double[sum.length];
        double n = Math.max(1, rows); // a store without training rows says 0
        for (int i = 0; i < mean.length; i++) {
            mean[i] = sum[i] / n;
        }
        return new StoreManifest.Hook(sum.length, dtype, mean, squares / n, norms / n);
    }

    /** Adds up rows as they come. */
    static final class Builder {
        private final double[] sum;
        private final float[] row;
        private long rows;
        private double squares;
        private double norms;

        Builder(int width) {
            sum = new double[width];
            row = new float[width];
        }

        void add(Matrix matrix, long r) {
            matrix.copyRow(r, row);
            double square = 0;
            for (int i = 0; i < row.length; i++) {
                double x = row[i];
                sum[i] += x;
                square += x * x;
            }
            squares += square;
            norms += Math.sqrt(square);
            rows++;
        }

        HookSums build() {
            return new HookSums(rows, sum, squares, norms);
        }
    }
}
