package dev.loupe.engine;

import dev.loupe.fixtures.Cases;
import dev.loupe.math.Matrix;
import dev.loupe.sae.Architecture;
import dev.loupe.sae.SaeWeights;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Random states and rules for tests of engines. */
final class States {
    private static final double TIE = 1e-4;

    private States() {}

    /** Random parameters with unit decoder rows, none of the special values that initialisation has. */
    static TrainState random(Cases.Random random, Architecture a, int n, int d) {
        Matrix enc = Matrix.copyOf(random.matrix(n, d));
        float[][] dec = random.matrix(n, d);
        for (float[] row : dec) {
            double norm = 0;
            for (float v : row) {
                norm += v * v;
            }
            for (int j = 0; j < d; j++) {
                row[j] /= (float) Math.sqrt(norm);
            }
        }
        float[] theta = new float[a == Architecture.JUMPRELU ? n : 0];
        for (int i = 0; i < theta.length; i++) {
            theta[i] = random.nextFloat();
        }
        return TrainState.initial(new SaeWeights(enc, Matrix.copyOf(dec), random.floats(n), random.floats(d), theta));
    }

    static StepRule rule(Architecture a, int k, int deadAfter, double epsilon) {
        return new StepRule(
                a,
                a == Architecture.TOPK ? k : 0,
                a == Architecture.RELU ? 0.3 : 0,
                a == Architecture.JUMPRELU ? 0.7 : 0,
                a == Architecture.JUMPRELU ? 2.5 : 0,
                a == Architecture.JUMPRELU ? 0.8 : 0,
                a == Architecture.TOPK ? 0.25 : 0,
                3,
                deadAfter,
                new AdamRule(0.01, 0.9, 0.999, epsilon));
    }

    /**
     * Of some random rows those on which engines that round differently must still agree on who is active: no
     * pre-activation near 0, near a threshold, near an end of its window, or near the next one in rank.
     */
    static Matrix batchAwayFromTies(Cases.Random random, TrainState state, StepRule rule, int rows) {
        ScalarValues p = ScalarValues.of(state.parameters());
        List<float[]> kept = new ArrayList<>();
        while (kept.size() < rows) {
            float[] x = random.floats(p.bDec.length);
            if (!nearTie(p, x, rule.bandwidth() / 2)) {
                kept.add(x);
            }
        }
        return Matrix.copyOf(kept.toArray(float[][]::new));
    }

    private static boolean nearTie(ScalarValues p, float[] x, double half) {
        double[] pi = p.bEnc.clone();
        boolean tie = false;
        for (int i = 0; i < pi.length; i++) {
            for (int j = 0; j < x.length; j++) {
                pi[i] += p.enc[i][j] * (x[j] - p.bDec[j]);
            }
            tie |= Math.abs(pi[i]) < TIE;
            if (p.theta.length > 0) {
                double above = Math.abs(pi[i] - p.theta[i]);
                tie |= above < TIE || Math.abs(above - half) < TIE;
            }
        }
        Arrays.sort(pi);
        for (int i = 1; i < pi.length; i++) {
            tie |= pi[i] - pi[i - 1] < TIE;
        }
        return tie;
    }

    /** One latent reading and writing one dimension: π = x + b_enc, x̂ = f. */
    static TrainState scalarLatent(float bEnc, float theta) {
        return TrainState.initial(new SaeWeights(
                Matrix.copyOf(new float[][] {{1}}),
                Matrix.copyOf(new float[][] {{1}}),
                new float[] {bEnc},
                new float[] {0},
                new float[] {theta}));
    }
}
