package dev.loupe.toy;

import dev.loupe.fixtures.Cases;
import dev.loupe.math.Matrix;
import dev.loupe.sae.Architecture;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SaeConfig;
import dev.loupe.sae.SaeProvenance;
import dev.loupe.sae.SaeWeights;
import java.util.Map;

/** SAEs made of given or random numbers. */
public final class ToySaes {
    private ToySaes() {}

    /** An SAE from rows; {@code limit} is k for TopK and the threshold of every latent for JumpReLU. */
    public static Sae of(
            String name,
            Architecture architecture,
            float limit,
            float[][] enc,
            float[][] dec,
            float[] bEnc,
            float[] bDec) {
        float[] threshold = new float[architecture == Architecture.JUMPRELU ? enc.length : 0];
        java.util.Arrays.fill(threshold, limit);
        return new Sae(
                name,
                new SaeConfig(
                        architecture,
                        architecture == Architecture.TOPK ? (int) limit : 0,
                        true,
                        "toy",
                        ToyModel.HOOK.name(),
                        Map.of()),
                new SaeWeights(Matrix.copyOf(enc), Matrix.copyOf(dec), bEnc, bDec, threshold),
                SaeProvenance.unknown());
    }

    /** Random rows; some latents are dead by a bias, one has a zero decoder row. */
    public static Sae random(String name, Cases.Random random, Architecture architecture, int d, int n) {
        float[][] dec = random.matrix(n, d);
        float[][] enc = random.matrix(n, d);
        float[] bEnc = new float[n];
        for (int i = 0; i < n; i++) {
            if (i % 7 == 3) {
                bEnc[i] = -1e6f;
            }
        }
        if (n > 4) {
            java.util.Arrays.fill(dec[4], 0);
        }
        float limit = architecture == Architecture.TOPK ? Math.min(3, n) : 1.5f;
        return of(name, architecture, limit, enc, dec, bEnc, random.floats(d));
    }
}
