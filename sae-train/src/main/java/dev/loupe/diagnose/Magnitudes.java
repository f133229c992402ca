package dev.loupe.diagnose;

/**
 * How often sizes occur, in bins of 1/256 of a power of two: quantiles to 0.4 % from any number of values in 256 KiB.
 */
public final class Magnitudes {
    private static final int SHIFT = 15; // 8 bits of the significand are kept

    private final int[] counts = new int[1 << (31 - SHIFT)];
    private long all;
    private long zeros;

    /** Counts |x|. */
    public void add(float x) {
        if (x == 0) {
            zeros++;
        } else {
            counts[(Float.floatToRawIntBits(x) & 0x7fffffff) >> SHIFT]++;
        }
        all++;
    }

    /** Counts |x| of many. */
    public void add(float[] values) {
        for (float v : values) {
            add(v);
        }
    }

    /** Counts |x · gain| of many. */
    public void add(float[] values, float[] gain) {
        for (int i = 0; i < values.length; i++) {
            add(values[i] * gain[i]);
        }
    }

    /** How many. */
    public long size() {
        return all;
    }

    /** The largest value t for which at most this share of all values is at most t; 0 if there is none above 0. */
    public float quantile(double share) {
        double wanted = share * all;
        double seen = zeros;
        if (wanted < zeros) {
            return 0;
        }
        for (int i = 0; i < counts.length; i++) {
            if (counts[i] > 0 && seen + counts[i] > wanted) {
                float low = Float.intBitsToFloat(i << SHIFT);
                float high = Float.intBitsToFloat((i + 1) << SHIFT);
                return (float) (low + (high - low) * (wanted - seen) / counts[i]);
            }
            seen += counts[i];
        }
        return Float.intBitsToFloat(largest() + 1 << SHIFT);
    }

    /** The share of values whose size is at most t; the bin of t counts in part. */
    public double atMost(float t) {
        int bin = Float.floatToRawIntBits(t) >> SHIFT;
        long below = zeros;
        for (int i = 0; i < bin; i++) {
            below += counts[i];
        }
        float low = Float.intBitsToFloat(bin << SHIFT);
        float high = Float.intBitsToFloat((bin + 1) << SHIFT);
        return all == 0 ? 0 : (below + counts[bin] * (double) (t - low) / (high - low)) / all;
    }

    private int largest() {
        int i = counts.length - 2;
        while (i > 0 && counts[i] == 0) {
            i--;
        }
        return i;
    }
}
