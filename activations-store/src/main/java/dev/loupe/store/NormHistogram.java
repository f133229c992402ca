package dev.loupe.store;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.SequencedMap;
import java.util.TreeMap;
import tools.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * How large the norms of rows are, in logarithmic classes of a relative width of about 1/1024, so that quantiles of any
 * number of rows take little memory and parts add up exactly whatever their order.
 *
 * @param bucket class numbers, ascending: the bits of the norm as float32 without the lowest {@value #DROPPED}
 * @param count rows in each class
 * @param min the smallest norm, exact; infinite without rows
 * @param max the largest norm, exact
 */
@JsonNaming(SnakeCaseStrategy.class)
record NormHistogram(int[] bucket, long[] count, double min, double max) {
    private static final int DROPPED = 13;
    private static final double[] QUANTILES = {0, 0.001, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999, 1};

    static final NormHistogram NONE =
            new NormHistogram(new int[0], new long[0], Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY);

    static NormHistogram of(double[] norms, int from, int to) {
        TreeMap<Integer, Long> classes = new TreeMap<>();
        double min = Double.POSITIVE_INFINITY;
        double max = Double.NEGATIVE_INFINITY;
        int[] sorted = new int[to - from];
        for (int i = from; i < to; i++) {
            min = Math.min(min, norms[i]);
            max = Math.max(max, norms[i]);
            sorted[i - from] = Float.floatToRawIntBits((float) norms[i]) >>> DROPPED;
        }
        Arrays.sort(sorted);
        for (int i = 0; i < sorted.length; ) {
            int end = i;
            while (end < sorted.length && sorted[end] == sorted[i]) {
                end++;
            }
            classes.put(sorted[i], (long) end - i);
            i = end;
        }
        return of(classes, min, max);
    }

    private static NormHistogram of(TreeMap<Integer, Long> classes, double min, double max) {
        return new NormHistogram(
                classes.keySet().stream().mapToInt(Integer::intValue).toArray(),
                classes.values().stream().mapToLong(Long::longValue).toArray(),
                min,
                max);
    }

    NormHistogram plus(NormHistogram other) {
        TreeMap<Integer, Long> classes = new TreeMap<>();
        for (NormHistogram part : new NormHistogram[] {this, other}) {
            for (int i = 0; i < part.bucket.length; i++) {
                classes.merge(part.bucket[i], part.count[i], Long::sum);
            }
        }
        return of(classes, Math.min(min, other.min), Math.max(max, other.max));
    }

    /** Quantiles by the name of their share ("0.5" is the median): exact at 0 and 1, else to about 0.05 %. */
    SequencedMap<String, Double> quantiles() {
        SequencedMap<String, Double> result = new LinkedHashMap<>();
        long rows = Arrays.stream(count).sum();
        if (rows == 0) {
            return result;
        }
        for (double q : QUANTILES) {
            result.put(q == Math.rint(q) ? Integer.toString((int) q) : Double.toString(q), quantile(q, rows));
        }
        return result;
    }

    private double quantile(double q, long rows) {
        if (q == 0 || q == 1) {
            return q == 0 ? min : max;
        }
        long rank = (long) Math.floor(q * (rows - 1));
        long before = 0;
        int i = 0;
        while (before + count[i] <= rank) {
            before += count[i++];
        }
        double low = Float.intBitsToFloat(bucket[i] << DROPPED);
        double high = Float.intBitsToFloat((bucket[i] + 1) << DROPPED);
        return Math.clamp((low + high) / 2, min, max);
    }
}
