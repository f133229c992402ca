package dev.loupe.store;

import dev.loupe.store.MassiveActivations.Part;
import tools.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * Sums over the training rows of a hook point, in double precision. Sums of shards are added in the order of shards,
 * so an interrupted capture ends with the same digits as one in a single run.
 *
 * @param rows how many rows were summed
 * @param sum by dimension
 * @param sumOfSquares by dimension
 * @param squares sum of ‖x‖²
 * @param norms sum of ‖x‖
 * @param histogram of ‖x‖
 * @param massive the massive activations
 */
@JsonNaming(SnakeCaseStrategy.class)
record HookSums(
        long rows,
        double[] sum,
        double[] sumOfSquares,
        double squares,
        double norms,
        NormHistogram histogram,
        Part massive) {
    static HookSums zero(int width) {
        return new HookSums(0, new double[width], new double[width], 0, 0, NormHistogram.NONE, Part.NONE);
    }

    HookSums plus(HookSums other) {
        return new HookSums(
                rows + other.rows,
                added(sum, other.sum),
                added(sumOfSquares, other.sumOfSquares),
                squares + other.squares,
                norms + other.norms,
                histogram.plus(other.histogram),
                massive.plus(other.massive));
    }

    private static double[] added(double[] a, double[] b) {
        double[] total = a.clone();
        for (int i = 0; i < total.length; i++) {
            total[i] += b[i];
        }
        return total;
    }

    StoreManifest.Hook summary(StoreSpec.HookSpec spec) {
        double[] mean = new double[sum.length];
        double[] variance = new double[sum.length];
        double n = Math.max(1, rows); // a store without training rows says 0
        for (int i = 0; i < mean.length; i++) {
            mean[i] = sum[i] / n;
            variance[i] = Math.max(0, sumOfSquares[i] / n - mean[i] * mean[i]);
        }
        return new StoreManifest.Hook(
                sum.length,
                spec.dtype(),
                mean,
                squares / n,
                norms / n,
                variance,
                histogram.quantiles(),
                massive.summary(squares),
                spec.changed());
    }
}
