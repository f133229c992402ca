package dev.loupe.feature;

import dev.loupe.math.Parallel;
import java.util.Arrays;
import java.util.stream.IntStream;

/** The {@link RowSketch sketches} of all latents of an SAE, and what they say about pairs. */
final class Sketches {
    private final int[][] hashes;
    private final long[] limits;
    private final long[] fired;
    private final long rows;

    /**
     * @param hashes per latent, ascending as unsigned numbers
     * @param limits per latent, below which every row is kept
     * @param fired per latent, rows on which it fires
     * @param rows of the store
     */
    Sketches(int[][] hashes, long[] limits, long[] fired, long rows) {
        this.hashes = hashes;
        this.limits = limits;
        this.fired = fired;
        this.rows = rows;
    }

    /**
     * How often two latents fire on one row.
     *
     * @param rows estimated
     * @param error standard error of that; 0 where every row is known
     */
    record Together(double rows, double error) {
        /** The estimate from the number of common rows in a sample of a share of all rows. */
        static Together of(int common, long limit) {
            double share = (double) limit / RowSketch.WHOLE;
            return new Together(common / share, Math.sqrt(Math.max(common, 1) * (1 - share)) / share);
        }
    }

    int size() {
        return hashes.length;
    }

    int[] hashes(int latent) {
        return hashes[latent];
    }

    long limit(int latent) {
        return limits[latent];
    }

    /** How often a latent fires together with one of an SAE over the same store (perhaps this SAE itself). */
    Together together(int latent, Sketches others, int other) {
        long limit = Math.min(limits[latent], others.limits[other]);
        int[] a = hashes[latent];
        int[] b = others.hashes[other];
        int common = 0;
        for (int i = 0, j = 0; i < a.length && j < b.length; ) {
            int order = Integer.compareUnsigned(a[i], b[j]);
            if (order == 0) {
                common += Integer.toUnsignedLong(a[i]) < limit ? 1 : 0;
            }
            i += order <= 0 ? 1 : 0;
            j += order >= 0 ? 1 : 0;
        }
        return Together.of(common, limit);
    }

    /** Correlation of two events that happen n and m times, and together times, among all rows; 0 where one never varies. */
    double phi(double together, long n, long m) {
        double spread = Math.sqrt((double) n * m) * Math.sqrt((double) (rows - n) * (rows - m));
        return spread > 0 ? Math.clamp((together * rows - (double) n * m) / spread, -1, 1) : 0;
    }

    /**
     * For every latent those others that seem to correlate most with it, best first: at most {@code count}, only with a
     * positive correlation and a common row in the sketches.
     */
    int[][] candidates(int count) {
        int n = hashes.length;
        int[] order = order();
        int[][] result = new int[n][];
        int tasks = Math.ceilDiv(n, 64);
        Parallel.run(tasks, t -> {
            int[] common = new int[n];
            int[] touched = new int[n];
            for (int i = t * 64; i < Math.min(n, t * 64 + 64); i++) {
                result[i] = candidates(i, count, order, common, touched);
            }
        });
        return result;
    }

    private int[] keys = new int[0]; // all hashes with their sign flipped, ascending; beside them the latents
    private int[] latents = new int[0];

    /** Sorts all hashes of all latents together; returns the starts of the groups of equal ones. */
    private int[] order() {
        int total = Arrays.stream(hashes).mapToInt(h -> h.length).sum();
        long[] all = new long[total];
        int at = 0;
        for (int i = 0; i < hashes.length; i++) {
            for (int h : hashes[i]) {
                all[at++] = (long) (h ^ Integer.MIN_VALUE) << 32 | i;
            }
        }
        Arrays.parallelSort(all);
        keys = new int[total];
        latents = new int[total];
        IntStream.Builder starts = IntStream.builder();
        for (int e = 0; e < total; e++) {
            keys[e] = (int) (all[e] >> 32);
            latents[e] = (int) all[e];
            if (e == 0 || keys[e] != keys[e - 1]) {
                starts.add(e);
            }
        }
        starts.add(total);
        return starts.build().toArray();
    }

    private int[] candidates(int latent, int count, int[] starts, int[] common, int[] touched) {
        int found = 0;
        int group = 0;
        for (int h : hashes[latent]) {
            group = find(starts, group, h ^ Integer.MIN_VALUE);
            for (int e = starts[group]; e < starts[group + 1]; e++) {
                int other = latents[e];
                if (other != latent && common[other]++ == 0) {
                    touched[found++] = other;
                }
            }
        }
        int[] best = new int[count];
        double[] scores = new double[count];
        int kept = 0;
        for (int k = 0; k < found; k++) {
            int other = touched[k];
            double share = (double) Math.min(limits[latent], limits[other]) / RowSketch.WHOLE;
            double score = phi(common[other] / share, fired[latent], fired[other]);
            common[other] = 0;
            if (score > 0) {
                kept = keep(other, score, best, scores, kept);
            }
        }
        return Arrays.copyOf(best, kept);
    }

    /** Puts a latent in its place among the best so far, the lower number first where scores are equal. */
    private static int keep(int latent, double score, int[] best, double[] scores, int kept) {
        int at = kept;
        while (at > 0 && (score > scores[at - 1] || (score == scores[at - 1] && latent < best[at - 1]))) {
            at--;
        }
        if (at == best.length) {
            return kept;
        }
        int end = Math.min(kept, best.length - 1);
        System.arraycopy(best, at, best, at + 1, end - at);
        System.arraycopy(scores, at, scores, at + 1, end - at);
        best[at] = latent;
        scores[at] = score;
        return end + 1;
    }

    /** The group of a key that is there, from a group on. */
    private int find(int[] starts, int from, int key) {
        int low = from;
        int high = starts.length - 2;
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (keys[starts[middle]] < key) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }
}
