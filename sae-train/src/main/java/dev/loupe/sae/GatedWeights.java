package dev.loupe.sae;

import dev.loupe.math.Matrix;
import dev.loupe.math.VectorOps;
import java.lang.foreign.Arena;

/**
 * A gated SAE (arXiv 2404.16014) as the JumpReLU SAE that computes the same: π_gate = w·x + b_gate &gt; 0 exactly where
 * π_mag = e^r w·x + b_mag &gt; θ = b_mag − e^r b_gate, and below zero the magnitude is rectified anyway.
 */
public final class GatedWeights {
    private GatedWeights() {}

    /**
     * The JumpReLU weights.
     *
     * @param encoderRows [d_sae, d_in], shared by gate and magnitude; not changed
     * @param gate b_gate
     * @param magnitude b_mag
     * @param logGain r
     */
    public static SaeWeights asJumpRelu(
            Matrix encoderRows, Matrix decoderRows, float[] gate, float[] magnitude, float[] logGain, float[] bDec) {
        Matrix rows = Matrix.allocate(Arena.ofAuto(), encoderRows.rows(), encoderRows.cols());
        rows.copyFrom(encoderRows);
        float[] theta = new float[gate.length];
        for (int i = 0; i < theta.length; i++) {
            double gain = Math.exp(logGain[i]);
            VectorOps.scale((float) gain, rows.segment(), rows.offset(i), rows.cols());
            theta[i] = (float) Math.max(0, magnitude[i] - gain * gate[i]);
        }
        return new SaeWeights(rows, decoderRows, magnitude.clone(), bDec, theta);
    }
}
