package dev.loupe.diagnose.health;

import dev.loupe.diagnose.Numbers;
import dev.loupe.math.DoubleOps;
import dev.loupe.math.Matrix;
import dev.loupe.train.BatchSource;
import java.util.List;
import java.util.Random;

/** Rows in memory as training data, drawn with replacement from a seed. */
final class KeptRows implements BatchSource {
    private final List<float[]> rows;
    private final long seed;

    KeptRows(List<float[]> rows, long seed) {
        this.rows = rows;
        this.seed = seed;
    }

    @Override
    public int width() {
        return rows.getFirst().length;
    }

    @Override
    public void batch(long step, Matrix target) {
        Random random = new Random(seed * 1_000_003 + step);
        for (long r = 0; r < target.rows(); r++) {
            target.setRow(r, rows.get(random.nextInt(rows.size())));
        }
    }

    @Override
    public float[] mean() {
        double[] sum = new double[width()];
        rows.forEach(row -> {
            for (int j = 0; j < sum.length; j++) {
                sum[j] += row[j];
            }
        });
        float[] mean = new float[sum.length];
        for (int j = 0; j < mean.length; j++) {
            mean[j] = (float) (sum[j] / rows.size());
        }
        return mean;
    }

    @Override
    public double meanSquaredNorm() {
        return rows.stream().mapToDouble(r -> DoubleOps.dot(r, r)).average().orElse(Double.NaN);
    }

    @Override
    public double meanNorm() {
        return rows.stream().mapToDouble(Numbers::norm).average().orElse(Double.NaN);
    }

    @Override
    public String fingerprint() {
        return "rows in memory";
    }

    @Override
    public void close() {}
}
