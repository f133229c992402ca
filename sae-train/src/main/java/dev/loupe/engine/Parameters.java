package dev.loupe.engine;

import dev.loupe.base.LoupeException;
import dev.loupe.math.Matrix;
import dev.loupe.sae.SaeWeights;
import java.lang.foreign.Arena;
import java.util.List;

/**
 * Everything that training changes. Matrices lie latent by latent.
 *
 * @param encoderRows [d_sae, d_in]
 * @param decoderRows [d_sae, d_out]
 * @param bEnc [d_sae]; of a gated SAE the bias of the gate
 * @param bDec [d_out]
 * @param threshold [d_sae] for thresholds, else empty
 * @param bMag [d_sae] for gates, else empty: bias of the magnitude
 * @param rMag [d_sae] for gates, else empty: logarithm of the magnitude's gain
 * @param skip [d_out, d_in] of a transcoder with a linear skip connection, else [0, d_in]
 */
public record Parameters(
        Matrix encoderRows,
        Matrix decoderRows,
        float[] bEnc,
        float[] bDec,
        float[] threshold,
        float[] bMag,
        float[] rMag,
        Matrix skip) {

    /** Checks that the shapes agree. */
    public Parameters {
        long n = encoderRows.rows();
        if (n < 1
                || decoderRows.rows() != n
                || bEnc.length != n
                || bDec.length != decoderRows.cols()
                || (threshold.length != 0 && threshold.length != n)
                || (bMag.length != 0 && bMag.length != n)
                || rMag.length != bMag.length
                || skip.cols() != encoderRows.cols()
                || (skip.rows() != 0 && skip.rows() != bDec.length)) {
            throw new LoupeException("The shapes of the parameters do not fit together.");
        }
    }

    /** Parameters of an autoencoder without gates and skip connection. */
    public Parameters(Matrix encoderRows, Matrix decoderRows, float[] bEnc, float[] bDec, float[] threshold) {
        this(encoderRows, decoderRows, bEnc, bDec, threshold, new float[0], new float[0], none(encoderRows.cols()));
    }

    /** Those of an SAE, sharing memory. */
    public static Parameters of(SaeWeights w) {
        return new Parameters(w.encoderRows(), w.decoderRows(), w.bEnc(), w.bDec(), w.threshold());
    }

    /** An absent skip connection. */
    public static Matrix none(int dIn) {
        return Matrix.allocate(Arena.ofAuto(), 0, dIn);
    }

    /** The width of the input. */
    public int dIn() {
        return encoderRows.cols();
    }

    /** The width of the output. */
    public int dOut() {
        return decoderRows.cols();
    }

    /** The number of latents. */
    public int dSae() {
        return (int) encoderRows.rows();
    }

    /** Whether there are gates. */
    public boolean gated() {
        return bMag.length > 0;
    }

    /** Whether there is a skip connection. */
    public boolean skips() {
        return skip.rows() > 0;
    }

    /** Zeros of the same shapes. */
    public Parameters zeros(Arena arena) {
        return new Parameters(
                Matrix.allocate(arena, dSae(), dIn()),
                Matrix.allocate(arena, dSae(), dOut()),
                new float[bEnc.length],
                new float[bDec.length],
                new float[threshold.length],
                new float[bMag.length],
                new float[rMag.length],
                Matrix.allocate(arena, skip.rows(), skip.cols()));
    }

    /** A copy that shares no memory with this. */
    public Parameters copy() {
        Parameters c = zeros(Arena.ofAuto());
        c.copyFrom(this);
        return c;
    }

    /** Takes over all values of parameters of the same shapes. */
    public void copyFrom(Parameters other) {
        encoderRows.copyFrom(other.encoderRows);
        decoderRows.copyFrom(other.decoderRows);
        skip.copyFrom(other.skip);
        List<float[]> to = vectors();
        List<float[]> from = other.vectors();
        for (int i = 0; i < to.size(); i++) {
            System.arraycopy(from.get(i), 0, to.get(i), 0, to.get(i).length);
        }
    }

    /** Zeros in what belongs to one latent. */
    void clearLatent(int latent) {
        encoderRows.setRow(latent, new float[dIn()]);
        decoderRows.setRow(latent, new float[dOut()]);
        for (float[] each : List.of(bEnc, threshold, bMag, rMag)) {
            if (each.length > 0) {
                each[latent] = 0;
            }
        }
    }

    /** Takes over what belongs to one latent. */
    void copyLatent(Parameters other, int latent) {
        encoderRows.setRow(latent, other.encoderRows.row(latent));
        decoderRows.setRow(latent, other.decoderRows.row(latent));
        bEnc[latent] = other.bEnc[latent];
        if (threshold.length > 0) {
            threshold[latent] = other.threshold[latent];
        }
        if (gated()) {
            bMag[latent] = other.bMag[latent];
            rMag[latent] = other.rMag[latent];
        }
    }

    /** b_enc, b_dec, threshold, b_mag and r_mag, in this order; not copies. */
    public List<float[]> vectors() {
        return List.of(bEnc, bDec, threshold, bMag, rMag);
    }
}
