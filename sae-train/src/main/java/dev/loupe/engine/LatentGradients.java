package dev.loupe.engine;

import dev.loupe.math.Matrix;
import dev.loupe.math.RowOps;
import dev.loupe.math.VectorOps;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * The gradients of a step, latent by latent: first what a latent's pairs sum up to ({@link #prepare}, or {@link DenseChunk}
 * without pairs), then the gradient of each of its parameters.
 */
final class LatentGradients {
    /** Latents per task. */
    static final int CHUNK = 32;

    private final StepInput s;
    private final Pairs pairs;
    private final int[] starts;
    private final LatentSums sums;
    private final int[] dead;
    /** Σ over the batch of what the encoder sees; used by the loss on pre-activations. */
    private final float[] inputSum;

    private final double meanL0;

    /** @param meanL0 of the batch */
    LatentGradients(
            StepInput s, Pairs pairs, int[] starts, LatentSums sums, int[] dead, float[] inputSum, double meanL0) {
        this.s = s;
        this.pairs = pairs;
        this.starts = starts;
        this.sums = sums;
        this.dead = dead;
        this.inputSum = inputSum;
        this.meanL0 = meanL0;
    }

    /** Sums the pairs of one chunk, and leaves of them in place what the rows' gradients need. */
    void prepare(int chunk) {
        for (int i = chunk * CHUNK; i < Math.min(s.n, (chunk + 1) * CHUNK); i++) {
            prepareLatent(i);
        }
    }

    private void prepareLatent(int i) {
        int end = starts[i]; // pairs that count for the rows are moved together, with the places of their rows
        int mainRows = s.groups * s.rows;
        boolean gated = s.rule.selection() == Selection.GATE;
        Sums sum = begin(i);
        for (int e = starts[i]; e < starts[i + 1]; e++) {
            int row = pairs.row[e] & Pairs.ROW;
            boolean active = (pairs.row[e] & Pairs.SILENT) == 0;
            float dPi = pairs.dPi[e];
            float z = pairs.z[e];
            float extra = pairs.extra.length > 0 ? pairs.extra[e] : 0;
            if (row >= mainRows) {
                sum.gate += dPi; // of the auxiliary loss everything passes through π
                sum.direction += dPi;
            } else if (gated) {
                sum.gate += extra;
                sum.gain += z > 0 ? (dPi - extra) * (z - s.parameters.bMag()[i]) / s.gains[i] : 0;
                dPi = sum.add(true, z, dPi, 0);
            } else {
                dPi = sum.add(active, z, dPi, extra);
            }
            if (active) {
                pairs.z[end] = z;
                pairs.dPi[end] = dPi;
                pairs.row[end] = row * s.dOut;
                pairs.latent[end++] = row % s.rows * s.dIn;
            }
        }
        sums.ends[i] = end;
        sum.end();
    }

    /** Begins to sum over the pairs of a latent. */
    Sums begin(int latent) {
        return new Sums(latent);
    }

    /** What the pairs of one latent sum up to. */
    final class Sums {
        private final int i;
        private final boolean paid = s.norms.length > 0 && s.rule.sparsity().onActivations();
        private final double below;
        private double direction;
        private double gate;
        private double gain;
        private double alongWindow;
        private double kernels;
        private double norm;
        private double activation;
        private int firing;

        private Sums(int latent) {
            i = latent;
            below = weightBelow(latent);
        }

        /**
         * Adds a pair of the main loss.
         *
         * @param active whether the latent acts; if not, only its threshold learns
         * @param z its activation
         * @param dF the derivative with respect to it
         * @param k the kernel at its pre-activation (THRESHOLD)
         * @return the derivative with respect to its pre-activation
         */
        float add(boolean active, float z, float dF, float k) {
            alongWindow += (double) k * dF;
            kernels += k;
            if (!active) {
                return 0;
            }
            firing += z > 0 ? 1 : 0;
            activation += z;
            norm += paid ? s.rule.sparsity().slope((double) z * s.norms[i]) * z / s.rows : 0;
            float dPi = dF + (float) below;
            direction += dPi;
            return dPi;
        }

        /** Writes the sums down. */
        void end() {
            sums.firing[i] = firing;
            sums.activation[i] = activation;
            sums.direction[i] = direction - below * s.rows;
            sums.gate[i] = gate;
            sums.gain[i] = gain;
            sums.alongWindow[i] = alongWindow;
            sums.kernels[i] = kernels;
            sums.norm[i] = norm;
            sums.below[i] = 0;
            if (below > 0) {
                Matrix enc = s.parameters.encoderRows();
                double all = VectorOps.dot(inputSum, 0, enc.segment(), enc.offset(i), s.dIn)
                        + (double) s.rows * s.parameters.bEnc()[i];
                sums.below[i] =
                        below * ((s.rows - firing) * (double) s.parameters.threshold()[i] - (all - activation));
            }
        }
    }

    /** The weight per row with which this latent's pre-activations are pulled up to its threshold. */
    private double weightBelow(int i) {
        Sparsity sparsity = s.rule.sparsity();
        if (!(sparsity.preActivation() > 0) || (sparsity.onDeadOnly() && Arrays.binarySearch(dead, i) < 0)) {
            return 0;
        }
        return sparsity.preActivation() * s.norm(i) / s.rows;
    }

    /** This chunk's part of the gradient of b_dec through the encoder: −Σ (dL/du_i) · w_i. */
    void throughEncoder(int chunk, float[] bDecGradient) {
        Arrays.fill(bDecGradient, 0);
        Matrix enc = s.parameters.encoderRows();
        for (int i = chunk * CHUNK; i < Math.min(s.n, (chunk + 1) * CHUNK); i++) {
            VectorOps.axpy((float) -sums.direction[i], enc.segment(), enc.offset(i), bDecGradient, 0, s.dIn);
        }
    }

    /** Σ of the squares of a latent's gradients. */
    double squares(int i, float[] encoder, float[] decoder) {
        double sum = VectorOps.dot(encoder, 0, encoder, 0, s.dIn) + VectorOps.dot(decoder, 0, decoder, 0, s.dOut);
        sum += bias(i) * bias(i);
        if (s.parameters.threshold().length > 0) {
            sum += theta(i) * theta(i);
        }
        if (s.parameters.gated()) {
            sum += magnitude(i) * magnitude(i) + gain(i) * gain(i);
        }
        return sum;
    }

    /** The gradient of a latent's encoder and decoder rows. */
    void make(int i, float[] encoder, float[] decoder) {
        Arrays.fill(encoder, 0);
        Arrays.fill(decoder, 0);
        int start = starts[i];
        int count = sums.ends[i] - start;
        RowOps.addRows(pairs.z, s.errors, pairs.row, start, count, decoder, 0, s.dOut);
        RowOps.addRows(pairs.dPi, s.centred, pairs.latent, start, count, encoder, 0, s.dIn);
        finish(i, encoder, decoder);
    }

    /** From the sums over pairs to the gradient of a latent's rows. */
    void finish(int i, float[] encoder, float[] decoder) {
        double below = weightBelow(i);
        if (below > 0) { // the sum over rows where it does not fire is the sum over all rows minus those where it does
            VectorOps.axpy((float) -below, inputSum, 0, encoder, 0, s.dIn);
        }
        s.rule.layout().clear(i, s.n, encoder, decoder);
        MemorySegment dec = s.parameters.decoderRows().segment();
        long at = s.parameters.decoderRows().offset(i);
        if (s.rule.unitDecoder()) {
            VectorOps.axpy(-VectorOps.dot(decoder, 0, dec, at, s.dOut), dec, at, decoder, 0, s.dOut);
        } else if (sums.norm[i] != 0 && s.rule.layout().sumsNorms()) {
            payForNorms(i, decoder);
        } else if (sums.norm[i] != 0 && s.norms[i] > 0) {
            VectorOps.axpy((float) (sums.norm[i] / s.norms[i]), dec, at, decoder, 0, s.dOut);
        }
    }

    /** The gradient of a penalty on Σ over places of ‖d‖. */
    private void payForNorms(int i, float[] decoder) {
        Matrix dec = s.parameters.decoderRows();
        int from = 0;
        for (int end : s.rule.layout().outEnds()) {
            float norm = StepInput.norm(dec, i, from, end);
            if (norm > 0) {
                long at = dec.offset(i) + from * Matrix.BYTES;
                VectorOps.axpy((float) (sums.norm[i] / norm), dec.segment(), at, decoder, from, end - from);
            }
            from = end;
        }
    }

    /** Of b_enc. */
    double bias(int i) {
        return s.parameters.gated() ? sums.gate[i] : sums.direction[i];
    }

    /** Of b_mag (GATE). */
    double magnitude(int i) {
        return (sums.direction[i] - sums.gate[i]) / s.gains[i];
    }

    /** Of r (GATE). */
    double gain(int i) {
        return sums.gain[i];
    }

    /** Of θ; arXiv 2407.14435, equations 11 and 12: df/dθ = −(θ/ε)K, dH/dθ = −(1/ε)K. */
    double theta(int i) {
        double slope = s.rule.sparsity().firingSlope(meanL0, (double) sums.firing[i] / s.rows);
        double through = s.parameters.threshold()[i] * sums.alongWindow[i] + slope * sums.kernels[i] / s.rows;
        return weightBelow(i) * (s.rows - sums.firing[i]) - through / s.rule.bandwidth();
    }
}
