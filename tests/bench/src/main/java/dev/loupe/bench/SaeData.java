package dev.loupe.bench;

import dev.loupe.fixtures.Cases;
import dev.loupe.math.Matrix;
import dev.loupe.sae.Architecture;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SaeConfig;
import dev.loupe.sae.SaeProvenance;
import dev.loupe.sae.SaeWeights;
import java.util.Map;

/** Random SAEs of the demo's shape. */
final class SaeData {
    static final int WIDTH = 192;
    static final int LATENTS = 2048;
    static final int K = 24;

    private SaeData() {}

    /** Unit rows; some share of them equal to those of the same seed's base, shuffled, plus noise. */
    static float[][] directions(long seed, int latents, double noise) {
        Cases.Random base = Cases.Random.of(99);
        Cases.Random own = Cases.Random.of(seed);
        float[][] d = base.matrix(latents, WIDTH);
        int[] order = own.permutation(latents);
        float[][] out = new float[latents][];
        for (int i = 0; i < latents; i++) {
            float[] row = d[order[i]].clone();
            double norm = 0;
            for (int j = 0; j < WIDTH; j++) {
                row[j] += (float) (noise * own.nextGaussian());
                norm += (double) row[j] * row[j];
            }
            for (int j = 0; j < WIDTH; j++) {
                row[j] /= (float) Math.sqrt(norm);
            }
            out[i] = row;
        }
        return out;
    }

    /** Rows that SAEs are made for: sums of a few directions with random weights, and some noise. */
    static float[][] mixtures(long seed, int rows) {
        Cases.Random random = Cases.Random.of(seed);
        float[][] d = directions(3, LATENTS, 0.5);
        float[][] out = new float[rows][];
        for (int r = 0; r < rows; r++) {
            float[] row = random.floats(WIDTH);
            for (int j = 0; j < WIDTH; j++) {
                row[j] *= 0.05f;
            }
            for (int c = 0; c < K / 2; c++) {
                float[] direction = d[random.nextInt(LATENTS)];
                float weight = 1 + random.nextFloat();
                for (int j = 0; j < WIDTH; j++) {
                    row[j] += weight * direction[j];
                }
            }
            out[r] = row;
        }
        return out;
    }

    static Sae topk(String name, float[][] encoder, float[][] decoder) {
        SaeWeights w = new SaeWeights(
                Matrix.copyOf(encoder),
                Matrix.copyOf(decoder),
                new float[encoder.length],
                new float[WIDTH],
                new float[0]);
        SaeConfig c = new SaeConfig(Architecture.TOPK, K, false, "builtin", "blocks.3.hook_resid_post", Map.of());
        return new Sae(name, c, w, SaeProvenance.unknown());
    }
}
