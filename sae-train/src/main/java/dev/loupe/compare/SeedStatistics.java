package dev.loupe.compare;

import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * Figures over pairs of seeds with intervals. Pairs that share a seed are not independent, so seeds are resampled, not
 * pairs; a pair of a seed with its own copy is left out.
 */
public final class SeedStatistics {
    private static final int ROUNDS = 2000;

    private SeedStatistics() {}

    /**
     * A mean over pairs with its 95 % interval.
     *
     * @param mean over all pairs
     * @param low the interval's lower end; equal to the mean with fewer than three seeds, which give no interval
     * @param high its upper end
     */
    public record Interval(double mean, double low, double high) {}

    /**
     * The mean over pairs.
     *
     * @param value [seed][seed], symmetric; the diagonal is not looked at
     */
    public static Interval mean(double[][] value) {
        return interval(mean(value, identity(value.length)), value.length, seeds -> mean(value, seeds));
    }

    /** The mean of the second minus that of the first, with the same seeds resampled in both. */
    public static Interval difference(double[][] first, double[][] second) {
        if (first.length != second.length) {
            throw new IllegalArgumentException(first.length + " and " + second.length + " seeds");
        }
        return interval(
                mean(second, identity(second.length)) - mean(first, identity(first.length)),
                first.length,
                seeds -> mean(second, seeds) - mean(first, seeds));
    }

    private static Interval interval(double mean, int n, java.util.function.ToDoubleFunction<int[]> statistic) {
        if (n < 3) {
            return new Interval(mean, mean, mean);
        }
        SplittableRandom random = new SplittableRandom(1);
        double[] draws = new double[ROUNDS];
        int[] seeds = new int[n];
        for (int r = 0; r < ROUNDS; r++) {
            do {
                for (int i = 0; i < n; i++) {
                    seeds[i] = random.nextInt(n);
                }
            } while (Arrays.stream(seeds).distinct().count() < 2);
            draws[r] = statistic.applyAsDouble(seeds);
        }
        Arrays.sort(draws);
        return new Interval(mean, draws[(int) (0.025 * ROUNDS)], draws[(int) (0.975 * ROUNDS) - 1]);
    }

    private static double mean(double[][] value, int[] seeds) {
        double sum = 0;
        int pairs = 0;
        for (int x = 0; x < seeds.length; x++) {
            for (int y = x + 1; y < seeds.length; y++) {
                if (seeds[x] != seeds[y]) {
                    sum += value[seeds[x]][seeds[y]];
                    pairs++;
                }
            }
        }
        return pairs == 0 ? 0 : sum / pairs;
    }

    private static int[] identity(int n) {
        int[] all = new int[n];
        Arrays.setAll(all, i -> i);
        return all;
    }
}
