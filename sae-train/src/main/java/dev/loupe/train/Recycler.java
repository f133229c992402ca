package dev.loupe.train;

import dev.loupe.engine.Parameters;
import dev.loupe.engine.TrainSession;
import dev.loupe.math.Matrix;
import dev.loupe.math.VectorOps;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;

/**
 * Gives latents that do nothing new weights, with optimiser moments of zero. What is drawn depends on the seed and the step
 * only, so that a resumed run draws the same.
 */
final class Recycler {
    /** How far beyond its threshold a new latent fires on its row. */
    private static final double ABOVE = 2;

    private final TrainConfig config;
    private final RecycleSettings settings;
    private final long seed;

    Recycler(TrainConfig config, long seed) {
        this.config = config;
        this.settings = config.recycle();
        this.seed = seed;
    }

    /** Looks at the latents after a step on a batch; returns how many were given new weights. */
    int run(TrainSession session, long step, Matrix batch, boolean autoencoder) {
        if (!settings.due(step, config)) {
            return 0;
        }
        boolean[] chosen = settings.policy().equals("redo")
                ? dormant(session.activity(), settings.dormant())
                : dead(session.sinceFired(), config.deadAfter());
        RandomGenerator random =
                RandomGeneratorFactory.of("L64X128MixRandom").create(seed * 0x9E3779B97F4A7C15L + step);
        Parameters p = session.parameters();
        double norm = settings.encoderScale() * livingNorm(p, chosen);
        double[] cumulative = cumulative(session.rowErrors());
        List<TrainSession.Replacement> replacements = new ArrayList<>();
        for (int i = 0; i < chosen.length; i++) {
            if (!chosen[i]) {
                continue;
            }
            boolean random0 = settings.policy().equals("redo");
            float[] direction = random0 ? gaussian(random, p.dIn()) : row(batch, draw(random, cumulative), p);
            float[] decoder = autoencoder ? direction.clone() : gaussian(random, p.dOut());
            scale(decoder, config.unitDecoder() ? 1 : random0 ? 0 : config.decoderNorm());
            // a latent with a threshold keeps it: its new row must reach beyond it on the row that it was made of
            double size = Math.sqrt(VectorOps.dot(direction, 0, direction, 0, direction.length));
            double reach = p.threshold().length > 0 && size > 0 ? ABOVE * p.threshold()[i] / size : 0;
            scale(direction, Math.max(norm, reach));
            replacements.add(new TrainSession.Replacement(i, direction, decoder, (float) bias(p, direction)));
        }
        session.recycle(replacements);
        return replacements.size();
    }

    /**
     * Latents whose graded dormancy score s_i = a_i / mean(a) is at most τ (arXiv 2302.12902, definition 3.1, over latents
     * instead of the neurons of a layer).
     *
     * @param activity summed activation of each latent
     */
    static boolean[] dormant(double[] activity, double tau) {
        double mean = Arrays.stream(activity).average().orElse(0);
        boolean[] dormant = new boolean[activity.length];
        for (int i = 0; i < dormant.length; i++) {
            dormant[i] = activity[i] <= tau * mean;
        }
        return dormant;
    }

    private static boolean[] dead(int[] sinceFired, int after) {
        boolean[] dead = new boolean[sinceFired.length];
        for (int i = 0; i < dead.length; i++) {
            dead[i] = sinceFired[i] >= after;
        }
        return dead;
    }

    private static double livingNorm(Parameters p, boolean[] chosen) {
        double sum = 0;
        int count = 0;
        Matrix rows = p.encoderRows();
        for (int i = 0; i < chosen.length; i++) {
            if (!chosen[i]) {
                sum += Math.sqrt(VectorOps.sumSquares(rows.segment(), rows.offset(i), rows.cols()));
                count++;
            }
        }
        return count == 0 ? 1 : sum / count;
    }

    /** Squared errors summed from the first row on: the published probability is ∝ loss². */
    private static double[] cumulative(float[] errors) {
        double[] sums = new double[errors.length];
        double sum = 0;
        for (int r = 0; r < sums.length; r++) {
            sum += (double) errors[r] * errors[r];
            sums[r] = sum;
        }
        return sums;
    }

    private static int draw(RandomGenerator random, double[] cumulative) {
        int at = Arrays.binarySearch(cumulative, random.nextDouble() * cumulative[cumulative.length - 1]);
        return Math.min(at < 0 ? -at - 1 : at, cumulative.length - 1);
    }

    /** What the encoder sees of a row. */
    private float[] row(Matrix batch, int r, Parameters p) {
        float[] x = batch.row(r);
        if (config.applyBDecToInput()) {
            for (int j = 0; j < x.length; j++) {
                x[j] -= p.bDec()[j];
            }
        }
        return x;
    }

    /** b_enc of a new latent: as at the start of the run; without b_dec the mean of the input is taken off as there. */
    private double bias(Parameters p, float[] encoderRow) {
        double bias = config.encoderBias();
        if (!config.applyBDecToInput() && p.dIn() == p.dOut()) {
            bias -= VectorOps.dot(p.bDec(), 0, encoderRow, 0, encoderRow.length);
        }
        return bias;
    }

    private static float[] gaussian(RandomGenerator random, int d) {
        float[] v = new float[d];
        for (int j = 0; j < d; j++) {
            v[j] = (float) random.nextGaussian();
        }
        return v;
    }

    /** Gives a vector a norm; a vector of zeros stays one. */
    private static void scale(float[] v, double norm) {
        double length = Math.sqrt(VectorOps.dot(v, 0, v, 0, v.length));
        if (length > 0) {
            float factor = (float) (norm / length);
            for (int j = 0; j < v.length; j++) {
                v[j] *= factor;
            }
        }
    }
}
