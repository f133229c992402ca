package dev.loupe.patch;

import dev.loupe.base.Progress;
import dev.loupe.model.Activation;
import dev.loupe.model.Backward;
import dev.loupe.model.HookPoint;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.Rules;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenBatch;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Coefficients that turn a difference of activations into an estimated effect. */
final class Gradients {
    private static final int TOKENS_A_BATCH = 1024;
    private static final int MOST_ROWS = 32;

    private final LanguageModel model;
    private final int[] corrupt;
    private final Metric metric;

    Gradients(LanguageModel model, int[] corrupt, Metric metric) {
        this.model = model;
        this.corrupt = corrupt;
        this.metric = metric;
    }

    /** hook → [position][width] (modified) gradient of the metric at the corrupted run: one backward for all hooks. */
    Map<HookPoint, float[][]> atCorrupt(Collection<HookPoint> hooks, Rules rules) {
        Backward b = model.backward(new TokenBatch(new int[][] {corrupt}), Taps.none(), metric, rules, hooks);
        Map<HookPoint, float[][]> all = new HashMap<>();
        for (HookPoint hook : hooks) {
            all.put(hook, rows(b.gradient(hook), 0));
        }
        return all;
    }

    /**
     * [position][width] gradient at one row of a site, averaged over the midpoints (k − ½)/steps of the straight way
     * from the corrupted to the patched values of all its positions at once (integrated gradients, arXiv 1703.01365).
     */
    float[][] alongTheWay(Site site, int row, int steps, Progress progress) {
        HookPoint hook = site.hook(row);
        float[][] from = site.corrupt(row);
        float[][] to = site.target(row);
        double[][] sum = new double[from.length][from[0].length];
        int rows = Math.clamp(TOKENS_A_BATCH / corrupt.length, 1, MOST_ROWS);
        for (int first = 0; first < steps; first += rows) {
            progress.check();
            int n = Math.min(rows, steps - first);
            int start = first;
            Taps taps = Taps.builder()
                    .edit(hook, a -> interpolate(a, n, from, to, start, steps))
                    .build();
            int[][] ids = new int[n][];
            Arrays.fill(ids, corrupt);
            Activation g = model.backward(new TokenBatch(ids), taps, metric, Rules.NONE, List.of(hook))
                    .gradient(hook);
            for (int b = 0; b < n; b++) {
                for (int p = 0; p < from.length; p++) {
                    for (int i = 0; i < from[p].length; i++) {
                        sum[p][i] += g.get(b, p, i);
                    }
                }
            }
        }
        float[][] mean = new float[from.length][from[0].length];
        for (int p = 0; p < from.length; p++) {
            for (int i = 0; i < from[p].length; i++) {
                mean[p][i] = (float) (sum[p][i] / steps);
            }
        }
        return mean;
    }

    private static void interpolate(Activation a, int n, float[][] from, float[][] to, int first, int steps) {
        for (int b = 0; b < n; b++) {
            double alpha = (first + b + 0.5) / steps;
            for (int p = 0; p < from.length; p++) {
                for (int i = 0; i < from[p].length; i++) {
                    a.set(b, p, i, (float) (from[p][i] + alpha * (to[p][i] - from[p][i])));
                }
            }
        }
    }

    static float[][] rows(Activation a, int b) {
        float[][] rows = new float[a.length(b)][];
        for (int p = 0; p < rows.length; p++) {
            rows[p] = a.row(b, p);
        }
        return rows;
    }
}
