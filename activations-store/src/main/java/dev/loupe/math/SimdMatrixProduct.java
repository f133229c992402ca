package dev.loupe.math;

import static dev.loupe.math.Matrix.FLOAT;

import java.lang.foreign.MemorySegment;

/**
 * out = x · wᵀ in the Vector API: w is packed into panels once, then tiles of rows of x are multiplied on all cores. The
 * sums run over the inner dimension in order, so the result does not depend on the number of threads.
 */
final class SimdMatrixProduct implements MatrixProduct {
    static final SimdMatrixProduct INSTANCE = new SimdMatrixProduct(Kernel.best());

    /** Rows per task: a packed tile of 96 rows stays in the second-level cache for any usual width. */
    private static final int TILE = 96;

    /** Outputs per pass, so that a tile's result stays in the cache and memory does not grow with n. */
    private static final int OUTPUTS = 4096;

    private final Kernel kernel;

    SimdMatrixProduct(Kernel kernel) {
        this.kernel = kernel;
    }

    @Override
    public void multiplyNT(Matrix x, Matrix w, Matrix out) {
        MatrixProduct.checkShapes(x, w, out);
        for (int from = 0; from < out.cols(); from += OUTPUTS) {
            int to = Math.min(out.cols(), from + OUTPUTS);
            block(x, w.rows(from, to), out, from);
        }
    }

    private void block(Matrix x, Matrix w, Matrix out, int firstOutput) {
        int n = (int) w.rows();
        int d = x.cols();
        PackedWeights packed = new PackedWeights(kernel, n, d).pack(w);
        int tasks = Math.toIntExact(Math.ceilDiv(x.rows(), (long) TILE));
        Parallel.run(tasks, t -> {
            long first = (long) t * TILE;
            int rows = (int) Math.min(TILE, x.rows() - first);
            float[] plain = new float[rows * d];
            MemorySegment.copy(x.segment(), FLOAT, x.offset(first), plain, 0, plain.length);
            float[] tile = packed.newTile(rows);
            packed.packTile(plain, 0, d, rows, tile);
            float[] result = packed.newResult(rows);
            packed.multiply(tile, rows, result);
            for (int r = 0; r < rows; r++) {
                MemorySegment.copy(
                        result, r * packed.stride(), out.segment(), FLOAT, out.offset(first + r) + 4L * firstOutput, n);
            }
        });
    }

    @Override
    public String describe() {
        return "Java Vector API, " + VectorOps.lanes() + " lanes, " + kernel.height() + " x " + kernel.width()
                + " tiles";
    }
}
