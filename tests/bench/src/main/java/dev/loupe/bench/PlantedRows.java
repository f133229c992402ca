package dev.loupe.bench;

import dev.loupe.math.Matrix;
import dev.loupe.train.BatchSource;
import java.util.Arrays;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;

/**
 * Rows whose features are known: 512 unit directions in 128 dimensions, firing rates log-uniform from 0.3 to 5 %, log-normal
 * sizes, a tenth of the features in pairs (half of the pairs fire together half of the time, in the other half the child
 * fires only with its parent), noise of 5 % of the signal's size. Any batch is made from its number alone.
 */
final class PlantedRows implements BatchSource {
    static final int WIDTH = 128;
    static final int FEATURES = 512;
    private static final int PAIRED = 52;
    private static final double NOISE = 0.05;
    private static final double SPREAD = 0.25;

    final float[][] directions = new float[FEATURES][WIDTH];
    final double[] rates = new double[FEATURES];
    private final long seed;
    private float[] mean = new float[0];
    private double meanSquares;
    private double meanNorm;

    PlantedRows(long seed) {
        this.seed = seed;
        RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(99);
        for (int f = 0; f < FEATURES; f++) {
            double squares = 0;
            for (int j = 0; j < WIDTH; j++) {
                directions[f][j] = (float) random.nextGaussian();
                squares += directions[f][j] * directions[f][j];
            }
            for (int j = 0; j < WIDTH; j++) {
                directions[f][j] /= (float) Math.sqrt(squares);
            }
            rates[f] = 0.003 * Math.pow(0.05 / 0.003, random.nextDouble());
        }
        measure();
    }

    /** Whether a feature belongs to a pair. */
    static boolean paired(int feature) {
        return feature < PAIRED;
    }

    private void measure() {
        Matrix sample = Matrix.copyOf(new float[20_000][WIDTH]);
        batch(-1, sample);
        double[] sums = new double[WIDTH];
        for (long r = 0; r < sample.rows(); r++) {
            float[] row = sample.row(r);
            double squares = 0;
            for (int j = 0; j < WIDTH; j++) {
                sums[j] += row[j] / (double) sample.rows();
                squares += (double) row[j] * row[j];
            }
            meanSquares += squares / sample.rows();
            meanNorm += Math.sqrt(squares) / sample.rows();
        }
        mean = new float[WIDTH];
        for (int j = 0; j < WIDTH; j++) {
            mean[j] = (float) sums[j];
        }
    }

    @Override
    public int width() {
        return WIDTH;
    }

    @Override
    public void batch(long step, Matrix target) {
        fill(step, target);
    }

    /** Makes a batch and returns the mean number of features per row. */
    double fill(long step, Matrix target) {
        RandomGenerator random =
                RandomGeneratorFactory.of("L64X128MixRandom").create(seed * 0x9E3779B97F4A7C15L + step);
        int rows = (int) target.rows();
        float[][] x = new float[rows][WIDTH];
        boolean[] parent = new boolean[rows];
        long active = 0;
        for (int f = 0; f < FEATURES; f++) {
            boolean child = paired(f) && f % 2 == 1;
            boolean strict = child && f % 4 == 3; // the other half of the pairs also fires alone
            boolean[] fires = new boolean[rows];
            double rate = child ? (strict ? 0 : rates[f] / 2) : rates[f];
            if (rate > 0) { // gaps between firings are geometric
                double log = Math.log1p(-rate);
                for (long r = gap(random, log); r < rows; r += 1 + gap(random, log)) {
                    fires[(int) r] = true;
                }
            }
            for (int r = 0; child && r < rows; r++) {
                fires[r] |= parent[r] && random.nextDouble() < 0.5;
            }
            for (int r = 0; r < rows; r++) {
                if (fires[r]) {
                    active++;
                    float size = (float) Math.exp(SPREAD * random.nextGaussian());
                    for (int j = 0; j < WIDTH; j++) {
                        x[r][j] += size * directions[f][j];
                    }
                }
            }
            if (!child) {
                System.arraycopy(fires, 0, parent, 0, rows);
            }
        }
        double sigma = NOISE * Math.sqrt(Arrays.stream(rates).sum() / WIDTH);
        for (int r = 0; r < rows; r++) {
            for (int j = 0; j < WIDTH; j++) {
                x[r][j] += (float) (sigma * random.nextGaussian());
            }
            target.setRow(r, x[r]);
        }
        return (double) active / rows;
    }

    private static long gap(RandomGenerator random, double log) {
        return (long) (Math.log(1 - random.nextDouble()) / log);
    }

    @Override
    public float[] mean() {
        return mean.clone();
    }

    @Override
    public double meanSquaredNorm() {
        return meanSquares;
    }

    @Override
    public double meanNorm() {
        return meanNorm;
    }

    @Override
    public String fingerprint() {
        return "planted " + seed;
    }

    @Override
    public void close() {}
}
