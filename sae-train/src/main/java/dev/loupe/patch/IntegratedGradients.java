package dev.loupe.patch;

import dev.loupe.base.Progress;
import dev.loupe.model.Activation;
import dev.loupe.model.BackwardPlan;
import dev.loupe.model.HookPoint;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.Rules;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenBatch;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** Integrated gradients (arXiv 1703.01365) of one pair: gradients averaged on the way from corrupt to clean. */
final class IntegratedGradients {
    private static final int TOKENS_A_BATCH = 1024;
    private static final int MOST_ROWS = 32;

    private final LanguageModel model;
    private final Runs.Run run;
    private final int steps;

    IntegratedGradients(LanguageModel model, Runs.Run run, int steps) {
        this.model = model;
        this.run = run;
        this.steps = steps;
    }

    /** Coefficients of every row of the sites, each along a way of its own. */
    Estimate along(List<Site> sites, Progress progress) {
        Map<String, float[][]> byRow = new HashMap<>();
        for (Site s : sites) {
            for (int row = 0; row < s.rows(); row++) {
                byRow.put(s.name() + " " + s.hook(row).name(), alongTheWay(s, row, progress));
            }
        }
        return new Estimate.PerSite((site, hook) -> Objects.requireNonNull(byRow.get(site + " " + hook.name())));
    }

    /**
     * [position][width] gradient at one row of a site, averaged over the midpoints (k − ½)/steps of the straight way
     * from the corrupted to the patched values of all its positions at once.
     */
    private float[][] alongTheWay(Site site, int row, Progress progress) {
        HookPoint hook = site.hook(row);
        float[][] from = site.corrupt(row);
        float[][] to = site.target(row);
        double[][] sum = new double[from.length][from[0].length];
        int[] corrupt = run.pair().corrupt();
        int rows = Math.clamp(TOKENS_A_BATCH / corrupt.length, 1, MOST_ROWS);
        for (int first = 0; first < steps; first += rows) {
            progress.check();
            int n = Math.min(rows, steps - first);
            int start = first;
            Taps taps = Taps.builder()
                    .edit(hook, a -> interpolate(a, n, from, to, start))
                    .build();
            int[][] ids = new int[n][];
            Arrays.fill(ids, corrupt);
            BackwardPlan plan = BackwardPlan.of(run.metric(), Rules.NONE, List.of(hook));
            Activation g = model.backward(new TokenBatch(ids), taps, plan).gradient(hook);
            for (int b = 0; b < n; b++) {
                for (int p = 0; p < from.length; p++) {
                    float[] values = g.row(b, p);
                    for (int i = 0; i < values.length; i++) {
                        sum[p][i] += values[i];
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

    private void interpolate(Activation a, int n, float[][] from, float[][] to, int first) {
        for (int b = 0; b < n; b++) {
            double alpha = (first + b + 0.5) / steps;
            for (int p = 0; p < from.length; p++) {
                float[] values = new float[from[p].length];
                for (int i = 0; i < values.length; i++) {
                    values[i] = (float) (from[p][i] + alpha * (to[p][i] - from[p][i]));
                }
                a.setRow(b, p, values);
            }
        }
    }
}
