package dev.loupe.train;

import dev.loupe.base.LoupeException;
import java.util.Arrays;
import java.util.Comparator;
import java.util.random.RandomGenerator;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.factory.DecompositionFactory_DDRM;
import org.ejml.interfaces.decomposition.EigenDecomposition_F64;

/**
 * The directions in which activations of a site vary. Attention outputs lie near a subspace of about 60 % of their
 * dimensions; latents that begin outside it never fire, so starting inside it saves most of the dead ones (arXiv
 * 2508.16929, active subspace initialisation).
 */
final class ActiveSubspace {
    private final double[][] axes; // orthonormal, largest variance first

    private ActiveSubspace(double[][] axes) {
        this.axes = axes;
    }

    /**
     * Measures the principal axes of rows around their mean.
     *
     * @param size below 1 the share of the variance that the axes must hold; from 1 on the number of axes
     */
    static ActiveSubspace of(float[][] rows, double size) {
        int d = rows[0].length;
        double[] mean = new double[d];
        for (float[] row : rows) {
            for (int j = 0; j < d; j++) {
                mean[j] += (double) row[j] / rows.length;
            }
        }
        DMatrixRMaj covariance = new DMatrixRMaj(d, d);
        double[] c = new double[d];
        for (float[] row : rows) {
            for (int j = 0; j < d; j++) {
                c[j] = row[j] - mean[j];
            }
            for (int i = 0; i < d; i++) {
                for (int j = 0; j <= i; j++) {
                    covariance.data[i * d + j] += c[i] * c[j];
                }
            }
        }
        for (int i = 0; i < d; i++) {
            for (int j = 0; j < i; j++) {
                covariance.data[j * d + i] = covariance.data[i * d + j];
            }
        }
        EigenDecomposition_F64<DMatrixRMaj> eigen = DecompositionFactory_DDRM.eig(d, true, true);
        if (!eigen.decompose(covariance)) {
            throw new LoupeException("The activations have no principal axes (not all of them are numbers).");
        }
        Integer[] order = new Integer[d];
        Arrays.setAll(order, i -> i);
        Arrays.sort(order, Comparator.comparingDouble(i -> -eigen.getEigenvalue(i).real));
        double total = 0;
        for (int i = 0; i < d; i++) {
            total += Math.max(0, eigen.getEigenvalue(i).real);
        }
        int count = 0;
        double held = 0;
        while (count < d && (size < 1 ? held < size * total : count < size)) {
            held += Math.max(0, eigen.getEigenvalue(order[count++]).real);
        }
        double[][] axes = new double[Math.max(1, count)][];
        for (int i = 0; i < axes.length; i++) {
            axes[i] = eigen.getEigenVector(order[i]).data;
        }
        return new ActiveSubspace(axes);
    }

    /** How many axes there are. */
    int size() {
        return axes.length;
    }

    /** A random direction inside, uniform over the unit sphere of the subspace. */
    void direction(RandomGenerator random, float[] row) {
        double[] sum = new double[row.length];
        double squares = 0;
        for (double[] axis : axes) {
            double g = random.nextGaussian();
            squares += g * g;
            for (int j = 0; j < sum.length; j++) {
                sum[j] += g * axis[j];
            }
        }
        for (int j = 0; j < row.length; j++) {
            row[j] = (float) (sum[j] / Math.sqrt(squares));
        }
    }
}
