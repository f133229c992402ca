package dev.loupe.math;

import dev.loupe.base.UsageException;
import dev.loupe.kernel.PackedPanels;
import dev.loupe.kernel.PanelType;

/**
 * The dense product of SAE training and inference: out = x · wᵀ with sums in float32. Implementations are safe to use from several
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

    /** The fastest product of float32 on this machine; machine code and Java give the same bits. */
    static MatrixProduct best() {
        return PackedPanels.machine(PanelType.FLOAT32)
                ? new PanelMatrixProduct(PanelType.FLOAT32)
                : SimdMatrixProduct.INSTANCE;
    }

    /**
     * The product with both sides rounded to bfloat16: twice as fast where the processor multiplies bfloat16, otherwise as
     * fast as float32 with the same result. Rounding changes a value by at most 2⁻⁸ of itself, so a sum is off by at most
     * (2⁻⁷ + d · 2⁻²⁴) Σ |x_c w_c|; with terms of random signs about 0.0023 · √(Σ (x_c w_c)²).
     */
    static MatrixProduct bf16() {
        return new PanelMatrixProduct(PanelType.BFLOAT16);
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
