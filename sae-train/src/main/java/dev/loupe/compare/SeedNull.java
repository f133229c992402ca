package dev.loupe.compare;

import dev.loupe.base.Progress;
import dev.loupe.math.Matrix;
import dev.loupe.sae.Architecture;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SaeConfig;
import dev.loupe.sae.SaeProvenance;
import dev.loupe.sae.SaeWeights;
import java.lang.foreign.Arena;
import java.util.Map;
import java.util.SplittableRandom;

/** What chance gives: two dictionaries of random unit vectors, matched like SAEs. */
public final class SeedNull {
    private SeedNull() {}

    /** Matches two random dictionaries of {@code n} latents over {@code d} dimensions. */
    public static Matching match(int n, int d, double threshold, Progress progress) {
        return SaeMatcher.match(random("random-0", n, d, 11), random("random-1", n, d, 12), threshold, progress);
    }

    private static Sae random(String name, int n, int d, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        return new Sae(
                name,
                new SaeConfig(Architecture.RELU, 0, true, "", "", Map.of()),
                new SaeWeights(rows(random, n, d), rows(random, n, d), new float[n], new float[d], new float[0]),
                SaeProvenance.unknown());
    }

    private static Matrix rows(SplittableRandom random, int n, int d) {
        Matrix rows = Matrix.allocate(Arena.ofAuto(), n, d);
        float[] row = new float[d];
        for (int i = 0; i < n; i++) {
            for (int c = 0; c < d; c++) {
                row[c] = (float) random.nextGaussian();
            }
            rows.setRow(i, row);
        }
        return rows;
    }
}
