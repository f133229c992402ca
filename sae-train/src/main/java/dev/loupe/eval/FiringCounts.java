package dev.loupe.eval;

import dev.loupe.sae.SparseCodes;

/** On how many tokens each latent is active. */
final class FiringCounts {
    /** Bins per factor of ten of the firing rate. */
    private static final int PER_DECADE = 4;

    private final long[] counts;
    private final double[] activity;
    private long rows;
    private long active;

    FiringCounts(int dSae) {
        counts = new long[dSae];
        activity = new double[dSae];
    }

    void add(SparseCodes codes) {
        int[] ids = codes.ids();
        for (int e = 0; e < codes.size(); e++) {
            counts[ids[e]]++;
            activity[ids[e]] += codes.values()[e];
        }
        rows += codes.rows();
        active += codes.size();
    }

    /** Mean number of active latents per token. */
    double l0() {
        return (double) active / rows;
    }

    /** Share of latents whose mean activation is at most τ times the mean over all (arXiv 2302.12902, definition 3.1). */
    double dormant(double tau) {
        double mean = java.util.Arrays.stream(activity).average().orElse(0);
        return (double) java.util.Arrays.stream(activity)
                        .filter(a -> a <= tau * mean)
                        .count()
                / activity.length;
    }

    /** Latents that are never active. */
    int dead() {
        int dead = 0;
        for (long c : counts) {
            dead += c == 0 ? 1 : 0;
        }
        return dead;
    }

    /** Latents that are active on more than a share of the tokens. */
    int dense(double share) {
        int dense = 0;
        for (long c : counts) {
            dense += c > share * rows ? 1 : 0;
        }
        return dense;
    }

    /** Latents by log10 of their firing rate, from the smallest rate that this many tokens can show up to 1. */
    SaeReport.Density density() {
        int decades = (int) Math.ceil(Math.log10(Math.max(10, rows)));
        int bins = decades * PER_DECADE;
        double[] edges = new double[bins + 1];
        for (int i = 0; i <= bins; i++) {
            edges[i] = (double) (i - bins) / PER_DECADE;
        }
        int[] histogram = new int[bins];
        for (long c : counts) {
            if (c > 0) {
                int bin = (int) Math.floor((Math.log10((double) c / rows) + decades) * PER_DECADE);
                histogram[Math.clamp(bin, 0, bins - 1)]++;
            }
        }
        return new SaeReport.Density(edges, histogram, dead());
    }
}
