package dev.loupe.compare;

import dev.loupe.math.Matrix;
import dev.loupe.math.MatrixProduct;
import dev.loupe.math.Parallel;
import dev.loupe.math.VectorOps;
import java.lang.foreign.Arena;
import java.util.function.Supplier;

/** Cosines between the rows of two matrices, in blocks. A row of zeros, or with NaN or infinity, has cosine 0 to all. */
public final class Cosines {
    /** Cosines of a block: 16 MiB. */
    private static final int BLOCK_VALUES = 1 << 22;

    private static final int ROWS_PER_TASK = 16;

    private Cosines() {}

    /** Takes one row of cosines at a time; called from one thread, rows ascending. */
    @FunctionalInterface
    public interface RowConsumer {
        /**
         * One row.
         *
         * @param row of the first matrix
         * @param cosines to every row of the second one; reused for the next row
         */
        void accept(int row, float[] cosines);
    }

    /** Computes all cosines of two matrices of equal width, a row of the first at a time. */
    public static void forEach(Matrix a, Matrix b, RowConsumer consumer) {
        float[] row = new float[Math.toIntExact(b.rows())];
        forEachBlock(a, b, (from, block) -> {
            for (int i = 0; i < block.rows(); i++) {
                block.copyRow(i, row);
                consumer.accept(from + i, row);
            }
        });
    }

    /**
     * The same with the rows of a block taken by all cores, in any order.
     *
     * @param consumers makes one for some rows, which one thread gives it
     */
    public static void forEachOnAllCores(Matrix a, Matrix b, Supplier<RowConsumer> consumers) {
        int m = Math.toIntExact(b.rows());
        forEachBlock(a, b, (from, block) -> {
            int rows = (int) block.rows();
            Parallel.run(Math.ceilDiv(rows, ROWS_PER_TASK), t -> {
                RowConsumer consumer = consumers.get();
                float[] row = new float[m];
                for (int i = t * ROWS_PER_TASK; i < Math.min(rows, (t + 1) * ROWS_PER_TASK); i++) {
                    block.copyRow(i, row);
                    consumer.accept(from + i, row);
                }
            });
        });
    }

    private interface BlockConsumer {
        void accept(int firstRow, Matrix cosines);
    }

    private static void forEachBlock(Matrix a, Matrix b, BlockConsumer consumer) {
        int n = Math.toIntExact(a.rows());
        int m = Math.toIntExact(b.rows());
        try (Arena arena = Arena.ofShared()) {
            Matrix unitA = unitRows(a, arena);
            Matrix unitB = a == b ? unitA : unitRows(b, arena);
            int blockRows = Math.clamp(BLOCK_VALUES / Math.max(1, m), 1, 512);
            Matrix block = Matrix.allocate(arena, Math.min(blockRows, n), m);
            for (int from = 0; from < n; from += blockRows) {
                int to = Math.min(n, from + blockRows);
                Matrix out = block.rows(0, to - from);
                MatrixProduct.best().multiplyNT(unitA.rows(from, to), unitB, out);
                consumer.accept(from, out);
            }
        }
    }

    /** All cosines, [rows of a][rows of b]. */
    static float[][] all(Matrix a, Matrix b) {
        float[][] result = new float[Math.toIntExact(a.rows())][];
        forEach(a, b, (i, row) -> result[i] = row.clone());
        return result;
    }

    /** A copy with rows of length one; rows without a direction become zero. */
    static Matrix unitRows(Matrix m, Arena arena) {
        Matrix unit = Matrix.allocate(arena, m.rows(), m.cols());
        float[] row = new float[m.cols()];
        for (long r = 0; r < m.rows(); r++) {
            m.copyRow(r, row);
            double squares = 0;
            for (float x : row) {
                squares += (double) x * x;
            }
            double norm = Math.sqrt(squares);
            if (norm > 0 && norm < Double.POSITIVE_INFINITY) { // false for NaN too
                for (int c = 0; c < row.length; c++) {
                    row[c] = (float) (row[c] / norm);
                }
                unit.setRow(r, row);
            }
        }
        return unit;
    }

    /** The cosine of two vectors of equal width, 0 if one has no direction. */
    public static double of(Matrix a, long rowA, Matrix b, long rowB) {
        double dot = VectorOps.dot(a.segment(), a.offset(rowA), b.segment(), b.offset(rowB), a.cols());
        double norms = Math.sqrt((double) VectorOps.sumSquares(a.segment(), a.offset(rowA), a.cols())
                * VectorOps.sumSquares(b.segment(), b.offset(rowB), b.cols()));
        double cosine = dot / norms;
        return Double.isFinite(cosine) ? Math.clamp(cosine, -1.0, 1.0) : 0;
    }
}
