package dev.loupe.math;

import dev.loupe.base.UsageException;

/**
 * The dense product of SAE training and inference: out = x · wᵀ in float32. Implementations are safe to use from several
 * threads; {@link #best()} uses all threads of {@link Parallel}.
 */
public interface MatrixProduct {

    /**
     * out[i][j] = Σ_c x[i][c] · w[j][c].
     *
     * @param x [m, d]
     * @param w [n, d]
     * @param out [m, n], overwritten
     * @throws UsageException if the shapes do not fit
     */
    void multiplyNT(Matrix x, Matrix w, Matrix out);

    /** What this is, for logs and {@code loupe doctor}. */
    String describe();

    /** The fastest product in pure Java on this machine. */
    static MatrixProduct best() {
        return SimdMatrixProduct.INSTANCE;
    }

    /** The readable reference: three loops, sums in double. */
    static MatrixProduct scalar() {
        return ScalarMatrixProduct.INSTANCE;
    }

    /** Refuses operands that do not fit together. */
    static void checkShapes(Matrix x, Matrix w, Matrix out) {
        if (x.cols() != w.cols() || out.rows() != x.rows() || out.cols() != w.rows()) {
            throw new UsageException(
                    "A product of " + x + " and the transposed of " + w + " does not fit into " + out + ".");
        }
    }
}
