package dev.loupe.train;

import dev.loupe.base.UsageException;
import dev.loupe.engine.Layout;
import dev.loupe.engine.Parameters;
import dev.loupe.engine.TrainState;
import dev.loupe.math.Matrix;
import dev.loupe.math.VectorOps;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.Locale;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;

/**
 * The weights before the first step: decoder rows are random directions of norm one (or {@code decoder_norm} where they are
 * free), the encoder starts as their transpose (important against dead latents), biases are zero except b_dec. Only the seed decides; the data order has its own.
 */
final class Initializer {
    /** Rows for the geometric median and for principal axes; taken from the first batches. */
    private static final int SAMPLE_ROWS = 16_384;

    /** Rows for the quantiles of pre-activations. */
    private static final int THRESHOLD_ROWS = 4096;

    private Initializer() {}

    /** Where b_dec starts, in training units. */
    enum DecoderBias {
        MEAN,
        GEOMETRIC_MEDIAN,
        ZERO;

        static DecoderBias of(String name) {
            for (DecoderBias b : values()) {
                if (b.name().toLowerCase(Locale.ROOT).equals(name)) {
                    return b;
                }
            }
            throw new UsageException(
                    "There is no start \"" + name + "\" for b_dec; there are mean, geometric_median and zero.");
        }
    }

    /** The start of an SAE. */
    static TrainState initial(TrainConfig config, BatchSource data, double scale, long seed) {
        return initial(config, data, data, scale, scale, seed);
    }

    /** The start of anything: of a transcoder where target and input are not the same. */
    static TrainState initial(
            TrainConfig config, BatchSource data, BatchSource target, double scale, double scaleOut, long seed) {
        int d = data.width();
        int dOut = target.width();
        int n = config.dSae();
        Matrix encoder = Matrix.allocate(Arena.ofAuto(), n, d);
        Matrix decoder = Matrix.allocate(Arena.ofAuto(), n, dOut);
        RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(seed);
        float[] row = new float[d];
        float[] outRow = new float[dOut];
        Layout layout = SeedRun.layout(data, target);
        Directions in = directions(config, data);
        Directions out = data == target ? in : directions(config, target);
        for (int i = 0; i < n; i++) {
            in.next(random, row);
            if (data == target) {
                System.arraycopy(row, 0, outRow, 0, d);
            } else {
                out.next(random, outRow);
            }
            if (layout.crossLayer()) {
                layout.clear(i, n, row, outRow);
                normalise(row);
                normalise(outRow);
            }
            multiply(outRow, config.unitDecoder() ? 1 : config.decoderNorm());
            decoder.setRow(i, outRow);
            multiply(row, config.encoderScale());
            encoder.setRow(i, row);
        }
        float[] threshold = new float[config.method() == Method.JUMPRELU ? n : 0];
        Arrays.fill(threshold, (float) config.threshold());
        float[] bDec = centre(config, target, scaleOut);
        float[] bEnc = new float[n];
        Arrays.fill(bEnc, (float) config.encoderBias());
        if (!config.applyBDecToInput()) { // pre-activations begin as if the centre of the input were subtracted
            float[] inputCentre = data == target ? bDec : centre(config, data, scale);
            for (int i = 0; i < n; i++) {
                bEnc[i] -= VectorOps.dot(inputCentre, 0, encoder.segment(), encoder.offset(i), d);
            }
        }
        int gates = config.method() == Method.GATED ? n : 0;
        Parameters p = new Parameters(
                encoder,
                decoder,
                bEnc,
                bDec,
                threshold,
                new float[gates],
                new float[gates],
                Matrix.allocate(Arena.ofAuto(), config.skip() ? dOut : 0, d));
        if (config.method() == Method.JUMPRELU && !config.jumprelu().start().equals("fixed")) {
            StartingThreshold.choose(p, config, scaled(sample(config, data, THRESHOLD_ROWS), scale));
        }
        return TrainState.initial(p);
    }

    /** Where random directions come from. */
    @FunctionalInterface
    private interface Directions {
        void next(RandomGenerator random, float[] row);
    }

    private static Directions directions(TrainConfig config, BatchSource data) {
        return config.initSubspace() == 0
                ? Initializer::direction
                : ActiveSubspace.of(sample(config, data, SAMPLE_ROWS), config.initSubspace())::direction;
    }

    private static float[][] scaled(float[][] rows, double scale) {
        for (float[] row : rows) {
            multiply(row, scale);
        }
        return rows;
    }

    private static float[] centre(TrainConfig config, BatchSource data, double scale) {
        float[] centre = switch (DecoderBias.of(config.decoderBias())) {
            case MEAN -> data.mean();
            case ZERO -> new float[data.width()];
            case GEOMETRIC_MEDIAN -> geometricMedian(sample(config, data, SAMPLE_ROWS));
        };
        multiply(centre, scale);
        return centre;
    }

    /** A random direction of norm one. */
    private static void direction(RandomGenerator random, float[] row) {
        for (int j = 0; j < row.length; j++) {
            row[j] = (float) random.nextGaussian();
        }
        normalise(row);
    }

    private static void normalise(float[] row) {
        double squares = 0;
        for (float v : row) {
            squares += v * v;
        }
        multiply(row, 1 / Math.sqrt(squares));
    }

    private static void multiply(float[] row, double factor) {
        for (int j = 0; j < row.length; j++) {
            row[j] *= (float) factor;
        }
    }

    private static float[][] sample(TrainConfig config, BatchSource data, int most) {
        int batches = (int) Math.clamp(Math.ceilDiv(most, config.batch()), 1, config.steps());
        float[][] rows = new float[Math.min(most, batches * config.batch())][];
        try (Arena arena = Arena.ofConfined()) {
            Matrix batch = Matrix.allocate(arena, config.batch(), data.width());
            for (int b = 0; b < batches; b++) {
                data.batch(b, batch);
                for (int r = 0; r < config.batch() && b * config.batch() + r < rows.length; r++) {
                    rows[b * config.batch() + r] = batch.row(r);
                }
            }
        }
        return rows;
    }

    /** The point with the smallest sum of distances, by Weiszfeld's iteration from the mean. */
    static float[] geometricMedian(float[][] rows) {
        int d = rows[0].length;
        double[] centre = new double[d];
        for (float[] row : rows) {
            for (int j = 0; j < d; j++) {
                centre[j] += (double) row[j] / rows.length;
            }
        }
        for (int round = 0; round < 100; round++) {
            double[] next = new double[d];
            double weights = 0;
            for (float[] row : rows) {
                double squares = 0;
                for (int j = 0; j < d; j++) {
                    squares += (row[j] - centre[j]) * (row[j] - centre[j]);
                }
                double weight = 1 / Math.max(1e-12, Math.sqrt(squares));
                weights += weight;
                for (int j = 0; j < d; j++) {
                    next[j] += weight * row[j];
                }
            }
            double moved = 0;
            double size = 0;
            for (int j = 0; j < d; j++) {
                next[j] /= weights;
                moved += (next[j] - centre[j]) * (next[j] - centre[j]);
                size += next[j] * next[j];
            }
            centre = next;
            if (moved <= 1e-12 * size) {
                break;
            }
        }
        float[] median = new float[d];
        for (int j = 0; j < d; j++) {
            median[j] = (float) centre[j];
        }
        return median;
    }
}
