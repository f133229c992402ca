package dev.loupe.sae;

import dev.loupe.base.LoupeException;
import dev.loupe.math.Matrix;

/**
 * The parameters of a sparse autoencoder. Both matrices lie latent by latent, so that one latent's direction is one
 * contiguous row.
 *
 * @param encoderRows [d_sae, d_in]: W_enc of the field, transposed
 * @param decoderRows [d_sae, d_out]: W_dec
 * @param bEnc [d_sae]
 * @param bDec [d_out]
 * @param threshold [d_sae] for JumpReLU, else empty
 */
public record SaeWeights(Matrix encoderRows, Matrix decoderRows, float[] bEnc, float[] bDec, float[] threshold) {

    /** Checks that the shapes agree. */
    public SaeWeights {
        long n = encoderRows.rows();
        if (n < 1
                || n > Integer.MAX_VALUE
                || decoderRows.rows() != n
                || bEnc.length != n
                || bDec.length != decoderRows.cols()
                || encoderRows.cols() < 1
                || (threshold.length != 0 && threshold.length != n)) {
            throw new LoupeException("The SAE's tensors do not fit together: W_enc [" + encoderRows.cols() + ", " + n
                    + "], W_dec [" + decoderRows.rows() + ", " + decoderRows.cols() + "], b_enc [" + bEnc.length
                    + "], b_dec [" + bDec.length + "], threshold [" + threshold.length + "].");
        }
    }

    /** The width of the input. */
    public int dIn() {
        return encoderRows.cols();
    }

    /** The number of latents. */
    public int dSae() {
        return (int) encoderRows.rows();
    }
}
