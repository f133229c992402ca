package dev.loupe.train;

import dev.loupe.engine.Parameters;
import dev.loupe.math.Matrix;
import dev.loupe.math.MatrixProduct;
import dev.loupe.math.Parallel;
import java.lang.foreign.Arena;
import java.util.Arrays;

/**
 * Thresholds measured on data: each latent's is the quantile of its own pre-activations above which it fires at the rate
 * that was asked for. A fixed number only fits inputs of a usual size: where a few tokens with massive activations make up
 * most of the energy (arXiv 2402.17762), every other row is small in training units and no latent would ever fire.
 */
final class StartingThreshold {
    private static final int CHUNK = 512;

    /** The L0 that is meant where no target says. */
    private static final double NO_TARGET = 24;

    private StartingThreshold() {}

    /**
     * Sets the thresholds as the settings say.
     *
     * @param p whose thresholds are at the fixed start
     * @param rows in training units
     */
    static void choose(Parameters p, TrainConfig c, float[][] rows) {
        double target = c.l0Target() > 0 ? c.l0Target() : NO_TARGET;
        double rate = c.jumprelu().startL0() * target / p.dSae();
        int above = (int) Math.clamp(Math.round(rate * rows.length), 1, rows.length - 1);
        float[] quantiles = new float[p.dSae()];
        boolean[] active = new boolean[rows.length];
        measure(p, rows, c.applyBDecToInput(), above, quantiles, active);
        int none = 0;
        for (boolean a : active) {
            none += a ? 0 : 1;
        }
        boolean tooHigh = 2 * none > rows.length; // from most rows nothing would be learned
        if (c.jumprelu().start().equals("measured") || tooHigh) {
            System.arraycopy(quantiles, 0, p.threshold(), 0, quantiles.length);
        }
    }

    /** For each latent the threshold that so many rows exceed, and for each row whether any latent exceeds the one it has. */
    private static void measure(
            Parameters p, float[][] rows, boolean subtractBias, int above, float[] quantiles, boolean[] active) {
        int n = p.dSae();
        int d = p.dIn();
        try (Arena arena = Arena.ofShared()) {
            Matrix x = Matrix.allocate(arena, rows.length, d);
            float[] row = new float[d];
            for (int r = 0; r < rows.length; r++) {
                for (int j = 0; j < d; j++) {
                    row[j] = rows[r][j] - (subtractBias ? p.bDec()[j] : 0);
                }
                x.setRow(r, row);
            }
            Matrix products = Matrix.allocate(arena, Math.min(CHUNK, n), rows.length);
            for (int from = 0; from < n; from += CHUNK) {
                int count = Math.min(CHUNK, n - from);
                Matrix pi = products.rows(0, count); // latent by latent
                MatrixProduct.best().multiplyNT(p.encoderRows().rows(from, from + count), x, pi);
                int first = from;
                Parallel.run(count, i -> {
                    int latent = first + i;
                    float[] values = pi.row(i);
                    for (int r = 0; r < values.length; r++) {
                        if (values[r] + p.bEnc()[latent] > p.threshold()[latent]) {
                            active[r] = true; // whichever latent says so first
                        }
                    }
                    Arrays.sort(values);
                    quantiles[latent] = Math.max(0, values[values.length - above - 1] + p.bEnc()[latent]);
                });
            }
        }
    }

    /** The middle one of the thresholds: the unit of a bandwidth that is relative to them. */
    static double median(float[] thresholds) {
        float[] sorted = thresholds.clone();
        Arrays.sort(sorted);
        return sorted[sorted.length / 2];
    }
}
