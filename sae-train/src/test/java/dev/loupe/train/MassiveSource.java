package dev.loupe.train;

import dev.loupe.math.Matrix;

/** Planted rows, one in 500 replaced by a massive one: a hundred times as long and always in the same direction. */
final class MassiveSource implements BatchSource {
    private static final float SIZE = 2500;

    private final PlantedSource rows;

    MassiveSource(PlantedSource rows) {
        this.rows = rows;
    }

    @Override
    public int width() {
        return rows.width();
    }

    @Override
    public void batch(long step, Matrix target) {
        rows.batch(step, target);
        for (long r = 0; r < target.rows(); r++) {
            if ((step * target.rows() + r) % 500 == 7) {
                target.set(r, 3, SIZE);
            }
        }
    }

    @Override
    public float[] mean() {
        float[] mean = rows.mean().clone();
        mean[3] += SIZE / 500;
        return mean;
    }

    @Override
    public double meanSquaredNorm() {
        return rows.meanSquaredNorm() + SIZE * SIZE / 500;
    }

    @Override
    public double meanNorm() {
        return rows.meanNorm() + SIZE / 500;
    }

    @Override
    public String fingerprint() {
        return "massive " + rows.fingerprint();
    }

    @Override
    public void close() {}
}
