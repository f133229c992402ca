package dev.loupe.sae;

import dev.loupe.base.LoupeException;
import dev.loupe.math.Matrix;
import java.lang.foreign.Arena;

/**
 * The parameters of a sparse autoencoder. Both matrices lie latent by latent, so that one latent's direction is one
 * contiguous row.
 *
 * @param encoderRows [d_sae, d_in]: W_enc of the field, transposed
 * @param decoderRows [d_sae, d_out]: W_dec
 * @param bEnc [d_sae]
 * @param bDec [d_out]
 * @param threshold [d_sae] for JumpReLU, else empty
 * @param skip W_skip [d_out, d_in] of a transcoder with a linear skip connection, else [0, d_in]
 */
public record SaeWeights(
        Matrix encoderRows, Matrix decoderRows, float[] bEnc, float[] bDec, float[] threshold, Matrix skip) {

    /** Weights without a skip connection. */
    public SaeWeights(Matrix encoderRows, Matrix decoderRows, float[] bEnc, float[] bDec, float[] threshold) {
        this(encoderRows, decoderRows, bEnc, bDec, threshold, Matrix.allocate(Arena.ofAuto(), 0, encoderRows.cols()));
    }

    /** Checks that the shapes agree. */
    public SaeWeights {
        long n = encoderRows.rows();
        if (n < 1
                || n > Integer.MAX_VALUE
                || decoderRows.rows() != n
                || bEnc.length != n
                || bDec.length != decoderRows.cols()
                || encoderRows.cols() < 1
                || (threshold.length != 0 && threshold.length != n)
                || skip.cols() != encoderRows.cols()
                || (skip.rows() != 0 && skip.rows() != bDec.length)) {
            throw new LoupeException("The SAE's tensors do not fit together: W_enc [" + encoderRows.cols() + ", " + n
                    + "], W_dec [" + decoderRows.rows() + ", " + decoderRows.cols() + "], b_enc [" + bEnc.length
                    + "], b_dec [" + bDec.length + "], threshold [" + threshold.length + "], W_skip [" + skip.rows()
                    + ", "
                    + skip.cols() + "].");
        }
    }

    /** The width of the input. */
    public int dIn() {
        return encoderRows.cols();
    }

    /** Whether there is a skip connection. */
    public boolean skips() {
        return skip.rows() > 0;
    }

    /** The number of latents. */
    public int dSae() {
        return (int) encoderRows.rows();
    }
}
