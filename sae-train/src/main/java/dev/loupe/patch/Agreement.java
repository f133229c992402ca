package dev.loupe.patch;

import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * How estimates agree with the truth. Pearson alone hides a wrong scale and can hang on one cell, so rank
 * correlation, slope and the same without the cell of largest truth stand beside it.
 *
 * @param cells number of cells compared
 * @param pearson linear correlation; null when one side is constant
 * @param spearman rank correlation (ties share their mean rank); null when one side is constant
 * @param slope least-squares slope through 0 of estimate over truth; null when the truth is 0
 * @param meanAbsoluteError mean |estimate − truth|, in units of the metric
 * @param withoutTop the same without the cell whose |truth| is largest; null when fewer than three cells
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
public record Agreement(
        int cells,
        @Nullable Double pearson,
        @Nullable Double spearman,
        @Nullable Double slope,
        double meanAbsoluteError,
        @Nullable Agreement withoutTop) {

    /**
     * Compares estimates with the truth, cell by cell.
     *
     * @throws IllegalArgumentException if there is not one estimate per truth, or none
     */
    public static Agreement of(double[] estimate, double[] truth) {
        if (estimate.length != truth.length || truth.length == 0) {
            throw new IllegalArgumentException(estimate.length + " estimates for " + truth.length + " cells");
        }
        int top = IntStream.range(0, truth.length)
                .boxed()
                .max(Comparator.comparingDouble(i -> Math.abs(truth[i])))
                .orElseThrow();
        Agreement rest = truth.length < 3 ? null : plain(without(estimate, top), without(truth, top), null);
        return plain(estimate, truth, rest);
    }

    private static Agreement plain(double[] e, double[] t, @Nullable Agreement rest) {
        double error = 0;
        for (int i = 0; i < t.length; i++) {
            error += Math.abs(e[i] - t[i]);
        }
        return new Agreement(t.length, pearson(e, t), pearson(ranks(e), ranks(t)), slope(e, t), error / t.length, rest);
    }

    private static double[] without(double[] a, int drop) {
        return IntStream.range(0, a.length)
                .filter(i -> i != drop)
                .mapToDouble(i -> a[i])
                .toArray();
    }

    static @Nullable Double pearson(double[] a, double[] b) {
        double ma = Arrays.stream(a).average().orElse(0);
        double mb = Arrays.stream(b).average().orElse(0);
        double ab = 0;
        double aa = 0;
        double bb = 0;
        for (int i = 0; i < a.length; i++) {
            ab += (a[i] - ma) * (b[i] - mb);
            aa += (a[i] - ma) * (a[i] - ma);
            bb += (b[i] - mb) * (b[i] - mb);
        }
        double scale = Math.sqrt(aa) * Math.sqrt(bb);
        return scale > 0 ? ab / scale : null;
    }

    static @Nullable Double slope(double[] estimate, double[] truth) {
        double et = 0;
        double tt = 0;
        for (int i = 0; i < truth.length; i++) {
            et += estimate[i] * truth[i];
            tt += truth[i] * truth[i];
        }
        return tt > 0 ? et / tt : null;
    }

    static double[] ranks(double[] a) {
        Integer[] order = IntStream.range(0, a.length).boxed().toArray(Integer[]::new);
        Arrays.sort(order, Comparator.comparingDouble(i -> a[i]));
        double[] rank = new double[a.length];
        for (int from = 0; from < a.length; ) {
            int to = from;
            while (to < a.length && a[order[to]] == a[order[from]]) {
                to++;
            }
            for (int i = from; i < to; i++) {
                rank[order[i]] = (from + to - 1) / 2.0;
            }
            from = to;
        }
        return rank;
    }
}
