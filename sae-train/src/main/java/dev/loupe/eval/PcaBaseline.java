package dev.loupe.eval;

import dev.loupe.base.Progress;
import dev.loupe.math.Matrix;
import dev.loupe.math.MatrixProduct;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.Comparator;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.factory.DecompositionFactory_DDRM;
import org.ejml.interfaces.decomposition.EigenDecomposition_F64;

/**
 * Principal component analysis, fitted on one set of rows and measured on another: the linear method that an SAE of equal
 * L0 has to beat. x̂ = μ + Σ_{i<k} v_i v_iᵀ (x − μ) with mean μ and eigenvectors v of the fitted rows.
 */
final class PcaBaseline {
    private final double[] mean;
    private final double[][] vectors; // largest eigenvalue first

    private PcaBaseline(double[] mean, double[][] vectors) {
        this.mean = mean;
        this.vectors = vectors;
    }

    /** Fits mean and directions. */
    static PcaBaseline fit(Rows rows, Progress progress) {
        double[] mean = rows.mean(progress);
        double[][] scatter = scatter(rows, mean, progress);
        int d = mean.length;
        EigenDecomposition_F64<DMatrixRMaj> eigen = DecompositionFactory_DDRM.eig(d, true, true);
        if (!eigen.decompose(new DMatrixRMaj(scatter))) {
            throw new IllegalStateException("the covariance of the activations has no eigenvectors");
        }
        Integer[] order = new Integer[d];
        Arrays.setAll(order, i -> i);
        Arrays.sort(order, Comparator.comparingDouble(i -> -eigen.getEigenvalue(i).real));
        double[][] vectors = new double[d][];
        for (int i = 0; i < d; i++) {
            vectors[i] = eigen.getEigenVector(order[i]).data;
        }
        return new PcaBaseline(mean, vectors);
    }

    /** Measures it on other rows, at every rank at once. */
    Measured measure(Rows rows, Progress progress) {
        double[][] scatter = scatter(rows, mean, progress);
        double[] left = new double[vectors.length + 1];
        for (int j = 0; j < mean.length; j++) {
            left[0] += scatter[j][j];
        }
        for (int i = 0; i < vectors.length; i++) {
            left[i + 1] = left[i] - quadratic(scatter, vectors[i]);
        }
        return new Measured(left);
    }

    /**
     * What PCA leaves over of some rows.
     *
     * @param left Σ‖x − x̂‖² by rank
     */
    record Measured(double[] left) {
        /**
         * FVU at a rank.
         *
         * @param variance Σ‖x − x̄‖² of the measured rows around their own mean
         */
        double fvu(int rank, double variance) {
            return Math.max(0, left[Math.min(rank, left.length - 1)]) / variance;
        }
    }

    private static double quadratic(double[][] m, double[] v) {
        double sum = 0;
        for (int i = 0; i < v.length; i++) {
            double dot = 0;
            for (int j = 0; j < v.length; j++) {
                dot += m[i][j] * v[j];
            }
            sum += dot * v[i];
        }
        return sum;
    }

    /** Σ (x − μ)(x − μ)ᵀ: products in float32 within a block, sums in double over blocks. */
    private static double[][] scatter(Rows rows, double[] mean, Progress progress) {
        int d = rows.width();
        double[][] sum = new double[d][d];
        float[] row = new float[d];
        rows.forEachBlock(progress, block -> {
            try (Arena arena = Arena.ofShared()) {
                Matrix centred = Matrix.allocate(arena, block.rows(), d);
                for (long r = 0; r < block.rows(); r++) {
                    block.copyRow(r, row);
                    for (int j = 0; j < d; j++) {
                        row[j] = (float) (row[j] - mean[j]);
                    }
                    centred.setRow(r, row);
                }
                Matrix columns = centred.transposed(arena);
                Matrix product = Matrix.allocate(arena, d, d);
                MatrixProduct.best().multiplyNT(columns, columns, product);
                for (int i = 0; i < d; i++) {
                    product.copyRow(i, row);
                    for (int j = 0; j < d; j++) {
                        sum[i][j] += row[j];
                    }
                }
            }
        });
        return sum;
    }
}
