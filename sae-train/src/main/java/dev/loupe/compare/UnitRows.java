package dev.loupe.compare;

import dev.loupe.math.Matrix;

/**
 * The rows of a matrix as vectors of length one, made when they are copied, so that a mapped file need not fit into
 * memory twice. A row of zeros, or with NaN or infinity, has no direction: it is copied as zeros and is <em>dead</em>.
 */
final class UnitRows {
    private final Matrix rows;
    private final double[] inverse; // 1 / norm, 0 for dead rows
    private final int[] ids;

    private UnitRows(Matrix rows, double[] inverse, int[] ids) {
        this.rows = rows;
        this.inverse = inverse;
        this.ids = ids;
    }

    static UnitRows of(Matrix rows) {
        int n = Math.toIntExact(rows.rows());
        double[] inverse = new double[n];
        int[] ids = new int[n];
        dev.loupe.math.Parallel.run(Math.ceilDiv(n, 256), t -> {
            float[] row = new float[rows.cols()];
            for (int i = t * 256; i < Math.min(n, t * 256 + 256); i++) {
                rows.copyRow(i, row);
                double squares = 0;
                for (float x : row) {
                    squares += (double) x * x;
                }
                double norm = Math.sqrt(squares);
                inverse[i] = norm > 0 && norm < Double.POSITIVE_INFINITY ? 1 / norm : 0; // false for NaN too
                ids[i] = i;
            }
        });
        return new UnitRows(rows, inverse, ids);
    }

    /** Some of the rows, by their numbers here. */
    UnitRows pick(int[] chosen) {
        int[] picked = new int[chosen.length];
        for (int i = 0; i < picked.length; i++) {
            picked[i] = ids[chosen[i]];
        }
        return new UnitRows(rows, inverse, picked);
    }

    int size() {
        return ids.length;
    }

    int width() {
        return rows.cols();
    }

    boolean dead(int row) {
        return inverse[ids[row]] == 0;
    }

    int deadRows() {
        int dead = 0;
        for (int i = 0; i < ids.length; i++) {
            dead += dead(i) ? 1 : 0;
        }
        return dead;
    }

    /** Copies one unit row to {@code target[at ...]}; {@code scratch} has room for a row. */
    void copy(int row, float[] target, int at, float[] scratch) {
        double factor = inverse[ids[row]];
        int d = rows.cols();
        if (factor == 0) {
            java.util.Arrays.fill(target, at, at + d, 0);
            return;
        }
        rows.copyRow(ids[row], scratch);
        for (int c = 0; c < d; c++) {
            target[at + c] = (float) (scratch[c] * factor);
        }
    }

    /** Cosines of listed pairs, with the same bits as in {@link CosineTiles}: fused multiply-adds in order. */
    static void cosines(UnitRows a, UnitRows b, EdgeList.ByRow pairs) {
        int d = a.width();
        dev.loupe.math.Parallel.run(Math.ceilDiv(pairs.rows(), 64), t -> {
            float[] x = new float[d];
            float[] y = new float[d];
            float[] scratch = new float[d];
            for (int i = t * 64; i < Math.min(pairs.rows(), t * 64 + 64); i++) {
                if (pairs.start()[i] < pairs.start()[i + 1]) {
                    a.copy(i, x, 0, scratch);
                }
                for (int e = pairs.start()[i]; e < pairs.start()[i + 1]; e++) {
                    b.copy(pairs.columns()[e], y, 0, scratch);
                    float sum = 0;
                    for (int c = 0; c < d; c++) {
                        sum = Math.fma(x[c], y[c], sum);
                    }
                    pairs.values()[e] = sum;
                }
            }
        });
    }
}
