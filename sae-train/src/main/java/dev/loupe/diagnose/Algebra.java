package dev.loupe.diagnose;

import java.util.Arrays;
import java.util.Comparator;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.factory.DecompositionFactory_DDRM;
import org.ejml.interfaces.decomposition.EigenDecomposition_F64;

/** Eigenvalues and what diagnostics make of them. */
public final class Algebra {
    private Algebra() {}

    /**
     * Eigenvalues and eigenvectors of a symmetric matrix.
     *
     * @param values descending
     * @param vectors one for each value, of length 1
     */
    public record Eigen(double[] values, double[][] vectors) {}

    /** Decomposes a symmetric matrix. */
    public static Eigen symmetric(double[][] m) {
        int n = m.length;
        EigenDecomposition_F64<DMatrixRMaj> eigen = DecompositionFactory_DDRM.eig(n, true, true);
        if (!eigen.decompose(new DMatrixRMaj(m))) {
            throw new IllegalStateException("a symmetric matrix has no eigenvectors");
        }
        Integer[] order = new Integer[n];
        Arrays.setAll(order, i -> i);
        Arrays.sort(order, Comparator.comparingDouble(i -> -eigen.getEigenvalue(i).real));
        double[] values = new double[n];
        double[][] vectors = new double[n][];
        for (int i = 0; i < n; i++) {
            values[i] = eigen.getEigenvalue(order[i]).real;
            vectors[i] = eigen.getEigenVector(order[i]).data;
        }
        return new Eigen(values, vectors);
    }

    /** exp of the entropy of eigenvalues taken as shares (Roy and Vetterli 2007): as many as there are if all are equal. */
    public static double effectiveRank(double[] eigenvalues) {
        double sum = Arrays.stream(eigenvalues).map(v -> Math.max(0, v)).sum();
        double entropy = 0;
        for (double v : eigenvalues) {
            if (v > 0) {
                entropy -= v / sum * Math.log(v / sum);
            }
        }
        return sum == 0 ? 0 : Math.exp(entropy);
    }
}
