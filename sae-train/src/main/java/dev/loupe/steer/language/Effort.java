package dev.loupe.steer.language;

import dev.loupe.model.Activation;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenBatch;
import dev.loupe.model.Want;
import java.util.List;
import java.util.function.DoubleFunction;
import java.util.stream.IntStream;

/** How far a steered model is from the default one on some texts: mean KL(default ‖ steered), nats a token. */
final class Effort {
    private static final double[] GRID = {0.25, 0.5, 1, 2, 4, 8, 16, 32, 64};

    private final LanguageModel model;
    private final int[] lead;
    private final int[][] texts;
    private final float[][] plain; // log-probabilities, one row for each place that predicts

    /**
     * @param lead what stands in front of every text, such as BOS
     * @param texts passages of one length
     */
    Effort(LanguageModel model, int[] lead, List<int[]> texts) {
        this.model = model;
        this.lead = lead;
        this.texts = texts.toArray(new int[0][]);
        this.plain = logProbs(new int[0], Taps.none());
    }

    /** KL of edits. */
    double of(Taps taps) {
        return kl(plain, logProbs(new int[0], taps));
    }

    /** KL of a text in front of the passages. */
    double ofPrompt(int[] front) {
        return kl(plain, logProbs(front, Taps.none()));
    }

    /**
     * KL over a grid of strengths, made monotone: the running maximum.
     *
     * @return KL at each strength of the grid
     */
    double[] curve(DoubleFunction<Taps> at) {
        double[] kl = new double[GRID.length];
        double most = 0;
        for (int i = 0; i < GRID.length; i++) {
            most = Math.max(most, i > 0 && kl[i - 1] > 12 ? kl[i - 1] : of(at.apply(GRID[i])));
            kl[i] = most;
        }
        return kl;
    }

    /**
     * The strength at which a curve has a level: interpolated on logarithms, below the grid in proportion to √KL, above its
     * end the end.
     */
    static double strength(double[] curve, double level) {
        if (curve[0] >= level) {
            return GRID[0] * Math.sqrt(level / Math.max(curve[0], 1e-12));
        }
        for (int i = 1; i < GRID.length; i++) {
            if (curve[i] >= level) {
                double below = Math.log(Math.max(curve[i - 1], 1e-9));
                double t = (Math.log(level) - below) / (Math.log(curve[i]) - below);
                return GRID[i - 1] * Math.pow(GRID[i] / GRID[i - 1], t);
            }
        }
        return GRID[GRID.length - 1];
    }

    private float[][] logProbs(int[] front, Taps taps) {
        int[] before = Judge.join(lead, front);
        int[][] rows = new int[texts.length][];
        for (int i = 0; i < rows.length; i++) {
            rows[i] = Judge.join(before, texts[i]);
        }
        Activation logits =
                model.forward(new TokenBatch(rows), taps, Want.ALL_LOGITS).allLogits();
        int places = texts[0].length - 1;
        float[][] all = new float[rows.length * places][];
        IntStream.range(0, all.length)
                .parallel()
                .forEach(i -> all[i] = normal(logits.row(i / places, before.length + i % places)));
        return all;
    }

    private static float[] normal(float[] row) {
        float max = Float.NEGATIVE_INFINITY;
        for (float v : row) {
            max = Math.max(max, v);
        }
        double sum = 0;
        for (float v : row) {
            sum += Math.exp(v - max);
        }
        float norm = (float) (max + Math.log(sum));
        for (int i = 0; i < row.length; i++) {
            row[i] -= norm;
        }
        return row;
    }

    private static double kl(float[][] p, float[][] q) {
        return IntStream.range(0, p.length)
                        .parallel()
                        .mapToDouble(i -> {
                            double sum = 0;
                            for (int j = 0; j < p[i].length; j++) {
                                if (p[i][j] > -18) { // e^-18 of anything is below what is reported
                                    sum += Math.exp(p[i][j]) * (p[i][j] - q[i][j]);
                                }
                            }
                            return Math.max(0, sum);
                        })
                        .sum()
                / p.length;
    }
}
