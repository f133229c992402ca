package dev.loupe.engine;

import dev.loupe.fixtures.Cases;
import dev.loupe.math.Matrix;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Random states and batches for tests of engines. */
final class States {
    private static final double TIE = 1e-4;

    private States() {}

    /** Random parameters, none of the special values that initialisation has; decoder rows have norm one where kept so. */
    static TrainState random(Cases.Random random, Kind kind, int n, int d) {
        int dOut = kind.dOut(d);
        float[][] enc = random.matrix(n, d);
        float[][] dec = random.matrix(n, dOut);
        for (int i = 0; i < n; i++) {
            kind.layout(d).clear(i, n, enc[i], dec[i]);
        }
        for (float[] row : dec) {
            double norm = 0;
            for (float v : row) {
                norm += v * v;
            }
            float divisor =
                    (float) (kind.unitDecoder() ? Math.sqrt(norm) : Math.sqrt(norm) * (0.7 + random.nextFloat()));
            for (int j = 0; j < dOut; j++) {
                row[j] /= divisor;
            }
        }
        float[] theta = new float[kind.selection == Selection.THRESHOLD ? n : 0];
        for (int i = 0; i < theta.length; i++) {
            theta[i] = random.nextFloat();
        }
        int gates = kind.selection == Selection.GATE ? n : 0;
        float[] rMag = random.floats(gates);
        for (int i = 0; i < gates; i++) {
            rMag[i] *= 0.3f;
        }
        return TrainState.initial(new Parameters(
                Matrix.copyOf(enc),
                Matrix.copyOf(dec),
                random.floats(n),
                random.floats(dOut),
                theta,
                random.floats(gates),
                rMag,
                kind == Kind.SKIP_TRANSCODER ? Matrix.copyOf(random.matrix(dOut, d)) : Parameters.none(d)));
    }

    /** The target of a batch: itself, or random rows for a transcoder. */
    static Matrix target(Cases.Random random, TrainState state, Kind kind, Matrix batch) {
        return kind.transcodes()
                ? Matrix.copyOf(
                        random.matrix((int) batch.rows(), state.parameters().dOut()))
                : batch;
    }

    /**
     * A random batch on which engines that round differently must still agree on who is active: no pre-activation near 0,
     * near a threshold, near an end of its window, near the next one in rank of its row or, where that counts, near the
     * last one that the batch keeps.
     */
    static Matrix batchAwayFromTies(Cases.Random random, TrainState state, StepRule rule, int rows) {
        ScalarValues p = ScalarValues.of(state.parameters());
        while (true) {
            List<float[]> kept = new ArrayList<>();
            List<double[]> pis = new ArrayList<>();
            while (kept.size() < rows) {
                float[] x = random.floats(p.enc[0].length);
                double[] pi = preActivations(p, ScalarValues.widen(x), rule);
                if (!nearTie(p, pi, rule, TIE)) {
                    kept.add(x);
                    pis.add(pi);
                }
            }
            if (rule.selection() != Selection.BATCH_TOPK || !batchTie(pis, rule.k(), 1e-5)) {
                return Matrix.copyOf(kept.toArray(float[][]::new));
            }
        }
    }

    static double[] preActivations(ScalarValues p, double[] x, StepRule rule) {
        double[] pi = p.bEnc.clone();
        for (int i = 0; i < pi.length; i++) {
            for (int j = 0; j < x.length; j++) {
                pi[i] += p.enc[i][j] * (x[j] - (rule.subtractBias() ? p.bDec[j] : 0));
            }
        }
        return pi;
    }

    static boolean nearTie(ScalarValues p, double[] pi, StepRule rule, double distance) {
        boolean tie = false;
        for (int i = 0; i < pi.length; i++) {
            tie |= Math.abs(pi[i]) < distance;
            if (p.theta.length > 0) {
                double above = Math.abs(pi[i] - p.theta[i]);
                tie |= above < distance || Math.abs(above - rule.reach()) < distance;
            }
            if (p.bMag.length > 0) {
                tie |= Math.abs(Math.exp(p.rMag[i]) * (pi[i] - p.bEnc[i]) + p.bMag[i]) < distance;
            }
        }
        if (rule.selection() == Selection.STATISTICAL) {
            double limit = ScalarLoss.statistical(pi, rule.k());
            for (double z : pi) {
                tie |= Math.abs(z - limit) < distance;
            }
        }
        double[] sorted = pi.clone();
        Arrays.sort(sorted);
        for (int i = 1; i < sorted.length; i++) {
            tie |= sorted[i] - sorted[i - 1] < distance;
        }
        return tie;
    }

    static boolean batchTie(List<double[]> pis, int k, double distance) {
        double[] all = pis.stream().flatMapToDouble(Arrays::stream).sorted().toArray();
        int cut = all.length - k * pis.size();
        return cut > 0 && cut < all.length && all[cut] - all[cut - 1] < distance;
    }

    /** One latent reading and writing one dimension: π = x + b_enc, x̂ = f. */
    static TrainState scalarLatent(float bEnc, float theta) {
        return TrainState.initial(new Parameters(
                Matrix.copyOf(new float[][] {{1}}),
                Matrix.copyOf(new float[][] {{1}}),
                new float[] {bEnc},
                new float[] {0},
                new float[] {theta}));
    }
}
