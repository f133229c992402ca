package dev.loupe.feature;

/**
 * Log-spaced bins of positive floats: eight per power of two, found from the exponent and the first three bits of the
 * fraction, so that a bin's edges are exact floats and no logarithm is taken.
 */
final class LogBins {
    private static final int SHIFT = 20;
    private static final int LOWEST = Float.floatToIntBits(0x1p-24f) >>> SHIFT;
    private static final int HIGHEST = Float.floatToIntBits(0x1p24f) >>> SHIFT;

    /** How many bins; the first also takes everything smaller, the last everything larger. */
    static final int COUNT = HIGHEST - LOWEST + 1;

    private LogBins() {}

    /** The bin of a positive value. */
    static int bin(float value) {
        return Math.clamp((Float.floatToIntBits(value) >>> SHIFT) - LOWEST, 0, COUNT - 1);
    }

    /** The lower edge of a bin; the upper edge is that of the next one. */
    static double edge(int bin) {
        return Float.intBitsToFloat(bin + LOWEST << SHIFT);
    }

    /** The histogram from the first to the last bin that is not empty. */
    static Histogram histogram(int[] counts, long tokens) {
        int first = 0;
        int last = counts.length - 1;
        while (last >= 0 && counts[last] == 0) {
            last--;
        }
        if (last < 0) {
            return new Histogram(new double[0], new long[0], tokens);
        }
        while (counts[first] == 0) {
            first++;
        }
        double[] edges = new double[last - first + 2];
        long[] kept = new long[last - first + 1];
        for (int i = 0; i < kept.length; i++) {
            edges[i] = edge(first + i);
            kept[i] = counts[first + i];
        }
        edges[kept.length] = edge(last + 1);
        return new Histogram(edges, kept, tokens);
    }
}
