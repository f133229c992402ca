package dev.loupe.feature;

import dev.loupe.base.Progress;
import dev.loupe.math.Parallel;
import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The latents that fire most like each latent: the sketches propose {@link #CANDIDATES}, a second look at all codes counts
 * those exactly, and the {@link #KEPT} with the largest correlation stay.
 */
final class CoactivePairs {
    /** Partners of each latent that are counted exactly. */
    static final int CANDIDATES = 24;

    /** Partners that are kept. */
    static final int KEPT = 16;

    private static final int LATENTS_PER_TASK = 64;

    private final int[][] ids;
    private final long[][] together;
    private final double[][] products;

    private CoactivePairs(int[][] ids) {
        this.ids = ids;
        this.together = new long[ids.length][];
        this.products = new double[ids.length][];
        for (int i = 0; i < ids.length; i++) {
            together[i] = new long[ids[i].length];
            products[i] = new double[ids[i].length];
        }
    }

    /**
     * One partner.
     *
     * @param id the other latent
     * @param together rows on which both fire
     * @param correlation Pearson's, of the activations over all rows
     */
    record Pair(int id, long together, double correlation) {}

    static CoactivePairs count(CodeSpool spool, Sketches sketches, Progress progress, String sae) {
        CoactivePairs pairs = new CoactivePairs(sketches.candidates(CANDIDATES));
        int n = sketches.size();
        int tasks = Math.ceilDiv(n, LATENTS_PER_TASK);
        progress.stage("pairs of latents of " + sae, spool.blocks(), "blocks");
        for (int b = 0; b < spool.blocks(); b++) {
            progress.check();
            int[] starts = new int[n + 1];
            for (int i = 0; i <= n; i++) {
                starts[i] = spool.start(b, i);
            }
            int[] rows = new int[starts[n]];
            float[] values = new float[starts[n]];
            spool.copyRows(b, 0, rows.length, rows, 0);
            spool.copyValues(b, 0, rows.length, values, 0);
            int size = spool.rows(b);
            Parallel.run(tasks, t -> {
                float[] here = new float[size];
                int last = Math.min(n, (t + 1) * LATENTS_PER_TASK);
                for (int i = t * LATENTS_PER_TASK; i < last; i++) {
                    pairs.add(i, starts, rows, values, here);
                }
            });
            progress.advance(b + 1);
        }
        return pairs;
    }

    private void add(int latent, int[] starts, int[] rows, float[] values, float[] here) {
        if (starts[latent] == starts[latent + 1]) {
            return;
        }
        for (int e = starts[latent]; e < starts[latent + 1]; e++) {
            here[rows[e]] = values[e];
        }
        for (int k = 0; k < ids[latent].length; k++) {
            int other = ids[latent][k];
            long count = 0;
            double product = 0;
            for (int e = starts[other]; e < starts[other + 1]; e++) {
                float mine = here[rows[e]]; // 0 where this latent does not fire: activations are above 0
                count += mine > 0 ? 1 : 0;
                product += (double) mine * values[e];
            }
            together[latent][k] += count;
            products[latent][k] += product;
        }
        for (int e = starts[latent]; e < starts[latent + 1]; e++) {
            here[rows[e]] = 0;
        }
    }

    /** The partners of a latent, the most correlated first. */
    Pair[] of(int latent, @Nullable LatentStats[] stats, long rows) {
        LatentStats a = stats[latent];
        if (a == null) {
            return new Pair[0];
        }
        return IntStream.range(0, ids[latent].length)
                .mapToObj(k -> {
                    LatentStats b = java.util.Objects.requireNonNull(stats[ids[latent][k]]);
                    return new Pair(ids[latent][k], together[latent][k], correlation(a, b, products[latent][k], rows));
                })
                .filter(p -> p.together() > 0)
                .sorted(Comparator.comparingDouble((Pair p) -> -p.correlation()).thenComparingInt(Pair::id))
                .limit(KEPT)
                .toArray(Pair[]::new);
    }

    private static double correlation(LatentStats a, LatentStats b, double product, long rows) {
        double covariance = product - a.sum * b.sum / rows;
        double spread = Math.sqrt((a.sumSquares - a.sum * a.sum / rows) * (b.sumSquares - b.sum * b.sum / rows));
        return spread > 0 ? Math.clamp(covariance / spread, -1, 1) : 0;
    }

    /** How many pairs are counted exactly. */
    long size() {
        return Arrays.stream(ids).mapToLong(i -> i.length).sum();
    }
}
