package dev.loupe.train;

import dev.loupe.math.Matrix;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/** Rows made of a few planted directions plus a mean and a little noise, any batch computable from its number alone. */
final class PlantedSource implements BatchSource {
    static final int FEATURES = 24;
    private static final int ACTIVE = 3;

    private final int d;
    private final long dataSeed;
    final float[][] directions;
    private final float[] mean;

    PlantedSource(int d, long dataSeed) {
        this.d = d;
        this.dataSeed = dataSeed;
        Random random = new Random(99);
        directions = new float[FEATURES][d];
        mean = new float[d];
        for (int j = 0; j < d; j++) {
            mean[j] = 2 * (float) random.nextGaussian();
        }
        for (float[] direction : directions) {
            double norm = 0;
            for (int j = 0; j < d; j++) {
                direction[j] = (float) random.nextGaussian();
                norm += direction[j] * direction[j];
            }
            for (int j = 0; j < d; j++) {
                direction[j] /= (float) Math.sqrt(norm);
            }
        }
    }

    @Override
    public int width() {
        return d;
    }

    @Override
    public void batch(long step, Matrix target) {
        Random random = new Random(dataSeed * 1_000_003 + step);
        for (long r = 0; r < target.rows(); r++) {
            float[] row = mean.clone();
            for (int a = 0; a < ACTIVE; a++) {
                float[] direction = directions[random.nextInt(FEATURES)];
                float strength = 5 + 5 * random.nextFloat();
                for (int j = 0; j < d; j++) {
                    row[j] += strength * direction[j];
                }
            }
            for (int j = 0; j < d; j++) {
                row[j] += 0.05f * (float) random.nextGaussian();
            }
            target.setRow(r, row);
        }
    }

    private double @Nullable [] known;

    private double[] statistics() {
        return known == null ? known = measured() : known;
    }

    private double[] measured() {
        float[][] rows = new float[2_000][d];
        Matrix sample = Matrix.copyOf(rows);
        batch(-1, sample);
        double[] result = new double[d + 2];
        for (int r = 0; r < rows.length; r++) {
            double squares = 0;
            for (int j = 0; j < d; j++) {
                double v = sample.get(r, j);
                result[j] += v / rows.length;
                squares += v * v;
            }
            result[d] += squares / rows.length;
            result[d + 1] += Math.sqrt(squares) / rows.length;
        }
        return result;
    }

    @Override
    public float[] mean() {
        double[] s = statistics();
        float[] m = new float[d];
        for (int j = 0; j < d; j++) {
            m[j] = (float) s[j];
        }
        return m;
    }

    @Override
    public double meanSquaredNorm() {
        return statistics()[d];
    }

    @Override
    public double meanNorm() {
        return statistics()[d + 1];
    }

    @Override
    public String fingerprint() {
        return "planted " + d + " " + dataSeed;
    }

    @Override
    public void close() {}
}
