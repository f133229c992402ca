package dev.loupe.patch;

import dev.loupe.fixtures.Cases;
import dev.loupe.math.Matrix;
import dev.loupe.sae.Architecture;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SaeConfig;
import dev.loupe.sae.SaeProvenance;
import dev.loupe.sae.SaeWeights;
import java.util.Map;

/** Small SAEs with known weights. */
public final class ToySae {
    private ToySae() {}

    /** Random unit directions, encoder = decoder, some biases. */
    public static Sae random(String name, Architecture architecture, int width, int latents, int k, String hook) {
        Cases.Random r = Cases.Random.of(11);
        float[][] d = r.matrix(latents, width);
        for (float[] row : d) {
            double norm = 0;
            for (float v : row) {
                norm += v * v;
            }
            for (int i = 0; i < width; i++) {
                row[i] /= (float) Math.sqrt(norm);
            }
        }
        float[] threshold = new float[architecture == Architecture.JUMPRELU ? latents : 0];
        java.util.Arrays.fill(threshold, 0.3f);
        float[] bEnc = r.floats(latents);
        float[] bDec = r.floats(width);
        for (int i = 0; i < latents; i++) {
            bEnc[i] *= 0.1f;
        }
        return sae(name, architecture, d, bEnc, bDec, threshold, k, hook);
    }

    /** A ReLU SAE whose latent i reads and writes coordinate i alone, without biases: as linear as an SAE gets. */
    public static Sae axes(String name, int width, String hook) {
        return axes(name, width, hook, 1);
    }

    /** The same with weights of another size than 1. */
    static Sae axes(String name, int width, String hook, float size) {
        float[][] d = new float[width][width];
        for (int i = 0; i < width; i++) {
            d[i][i] = size;
        }
        return sae(name, Architecture.RELU, d, new float[width], new float[width], new float[0], 0, hook);
    }

    private static Sae sae(
            String name,
            Architecture architecture,
            float[][] d,
            float[] bEnc,
            float[] bDec,
            float[] threshold,
            int k,
            String hook) {
        SaeWeights w = new SaeWeights(Matrix.copyOf(d), Matrix.copyOf(d), bEnc, bDec, threshold);
        return new Sae(name, new SaeConfig(architecture, k, false, "toy", hook, Map.of()), w, SaeProvenance.unknown());
    }
}
