package dev.loupe.engine;

import dev.loupe.math.Matrix;
import dev.loupe.math.RowOps;
import dev.loupe.math.VectorOps;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The second half of a step for a range of latents: {@link #prepare} sums what is needed of each latent's pairs; {@link
 * #run} makes the gradient of its encoder row, decoder row and own numbers and applies Adam to them at once, so that
 * gradients never reach memory. {@link #squares} makes the same gradients only to measure them.
 */
final class LatentUpdate {
    /** Latents per task. */
    static final int CHUNK = 32;

    private final StepInput s;
    private final Pairs pairs;
    private final int[] starts;
    private final LatentSums sums;
    private final int[] dead;
    /** Σ over the batch of what the encoder sees; used by the loss on pre-activations. */
    private final float[] inputSum;

    LatentUpdate(StepInput s, Pairs pairs, int[] starts, LatentSums sums, int[] dead, float[] inputSum) {
        this.s = s;
        this.pairs = pairs;
        this.starts = starts;
        this.sums = sums;
        this.dead = dead;
        this.inputSum = inputSum;
    }

    /** Sums the pairs of one chunk, and leaves of them in place what the rows' gradients need. */
    void prepare(int chunk) {
        for (int i = chunk * CHUNK; i < Math.min(s.n, (chunk + 1) * CHUNK); i++) {
            prepareLatent(i);
        }
    }

    private void prepareLatent(int i) {
        double direction = 0;
        double gate = 0;
        double gain = 0;
        double alongWindow = 0;
        double kernels = 0;
        double norm = 0;
        double activation = 0;
        int firing = 0;
        int end = starts[i]; // pairs that count for the rows are moved together, with the places of their rows
        int mainRows = s.groups * s.rows;
        boolean gated = s.rule.selection() == Selection.GATE;
        boolean paid = s.norms.length > 0 && s.rule.sparsity().onActivations();
        double below = weightBelow(i);
        for (int e = starts[i]; e < starts[i + 1]; e++) {
            int row = pairs.row[e] & Pairs.ROW;
            float dPi = pairs.dPi[e];
            float z = pairs.z[e];
            float extra = pairs.extra[e];
            if (gated && row < mainRows) {
                gate += extra;
                gain += z > 0 ? (dPi - extra) * (z - s.parameters.bMag()[i]) / s.gains[i] : 0;
            } else if (!gated) {
                alongWindow += (double) extra * dPi;
                kernels += extra;
            }
            if ((pairs.row[e] & Pairs.SILENT) != 0) {
                continue;
            }
            if (row < mainRows) {
                firing += z > 0 ? 1 : 0;
                activation += z;
                norm += paid ? s.rule.sparsity().slope((double) z * s.norms[i]) * z / s.rows : 0;
                dPi += (float) below;
            } else {
                gate += dPi; // of the auxiliary loss everything passes through π
            }
            direction += dPi;
            pairs.z[end] = z;
            pairs.dPi[end] = dPi;
            pairs.row[end] = row * s.dOut;
            pairs.latent[end++] = row % s.rows * s.dIn;
        }
        sums.ends[i] = end;
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
            sums.below[i] = below * ((s.rows - firing) * (double) s.parameters.threshold()[i] - (all - activation));
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

    /** What {@link #run} changes. */
    record Optimiser(
            Parameters m, Parameters v, @Nullable Parameters average, double decay, AdamKernel adam, double factor) {}

    /**
     * Updates the latents of one chunk.
     *
     * @param meanL0 of the batch
     */
    void run(int chunk, double meanL0, Optimiser o, StepClock clock) {
        clock.begin();
        float[] encoder = new float[s.dIn];
        float[] decoder = new float[s.dOut];
        Parameters p = s.parameters;
        for (int i = chunk * CHUNK; i < Math.min(s.n, (chunk + 1) * CHUNK); i++) {
            gradients(i, encoder, decoder);
            clock.lap(StepClock.GRADIENTS);
            scale(encoder, o.factor);
            scale(decoder, o.factor);
            row(p.encoderRows(), o.m.encoderRows(), o.v.encoderRows(), i, encoder, o);
            s.encoder.renew(i);
            row(p.decoderRows(), o.m.decoderRows(), o.v.decoderRows(), i, decoder, o);
            if (s.rule.unitDecoder()) {
                MemorySegment dec = p.decoderRows().segment();
                long at = p.decoderRows().offset(i);
                VectorOps.scale((float) (1 / Math.sqrt(VectorOps.sumSquares(dec, at, s.dOut))), dec, at, s.dOut);
            }
            o.adam.update(p.bEnc(), o.m.bEnc(), o.v.bEnc(), i, o.factor * bias(i));
            if (p.threshold().length > 0) {
                o.adam.update(p.threshold(), o.m.threshold(), o.v.threshold(), i, o.factor * theta(i, meanL0));
                p.threshold()[i] = Math.max(0, p.threshold()[i]);
            }
            if (p.gated()) {
                o.adam.update(p.bMag(), o.m.bMag(), o.v.bMag(), i, o.factor * magnitude(i));
                o.adam.update(p.rMag(), o.m.rMag(), o.v.rMag(), i, o.factor * sums.gain[i]);
            }
            if (o.average != null) {
                average(i, p, o.average, o.decay);
            }
            clock.lap(StepClock.ADAM);
        }
    }

    private static void average(int i, Parameters p, Parameters average, double decay) {
        blend(p.encoderRows(), average.encoderRows(), i, decay);
        blend(p.decoderRows(), average.decoderRows(), i, decay);
        for (int v : new int[] {0, 2, 3, 4}) { // all vectors but b_dec, which does not belong to a latent
            float[] to = average.vectors().get(v);
            if (to.length > 0) {
                to[i] = (float) (decay * to[i] + (1 - decay) * p.vectors().get(v)[i]);
            }
        }
    }

    /** average ← decay · average + (1 − decay) · row. */
    static void blend(Matrix from, Matrix to, long row, double decay) {
        VectorOps.scale((float) decay, to.segment(), to.offset(row), to.cols());
        VectorOps.axpy((float) (1 - decay), from.segment(), from.offset(row), to.segment(), to.offset(row), to.cols());
    }

    private static void row(Matrix w, Matrix m, Matrix v, int i, float[] gradient, Optimiser o) {
        o.adam.update(w.segment(), m.segment(), v.segment(), w.offset(i), gradient, gradient.length);
    }

    private static void scale(float[] gradient, double factor) {
        for (int j = 0; factor != 1 && j < gradient.length; j++) {
            gradient[j] *= (float) factor;
        }
    }

    /** Σ of the squares of all gradients of one chunk. */
    double squares(int chunk, double meanL0) {
        float[] encoder = new float[s.dIn];
        float[] decoder = new float[s.dOut];
        double sum = 0;
        for (int i = chunk * CHUNK; i < Math.min(s.n, (chunk + 1) * CHUNK); i++) {
            gradients(i, encoder, decoder);
            sum += VectorOps.dot(encoder, 0, encoder, 0, s.dIn) + VectorOps.dot(decoder, 0, decoder, 0, s.dOut);
            sum += bias(i) * bias(i);
            if (s.parameters.threshold().length > 0) {
                sum += theta(i, meanL0) * theta(i, meanL0);
            }
            if (s.parameters.gated()) {
                sum += magnitude(i) * magnitude(i) + sums.gain[i] * sums.gain[i];
            }
        }
        return sum;
    }

    /** This chunk's part of the gradient of b_dec through the encoder: −Σ (dL/du_i) · w_i. */
    void throughEncoder(int chunk, float[] bDecGradient) {
        Arrays.fill(bDecGradient, 0);
        Matrix enc = s.parameters.encoderRows();
        for (int i = chunk * CHUNK; i < Math.min(s.n, (chunk + 1) * CHUNK); i++) {
            VectorOps.axpy((float) -sums.direction[i], enc.segment(), enc.offset(i), bDecGradient, 0, s.dIn);
        }
    }

    private void gradients(int i, float[] encoder, float[] decoder) {
        Arrays.fill(encoder, 0);
        Arrays.fill(decoder, 0);
        int start = starts[i];
        int count = sums.ends[i] - start;
        RowOps.addRows(pairs.z, s.errors, pairs.row, start, count, decoder, 0, s.dOut);
        RowOps.addRows(pairs.dPi, s.centred, pairs.latent, start, count, encoder, 0, s.dIn);
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

    private double bias(int i) {
        return s.parameters.gated() ? sums.gate[i] : sums.direction[i];
    }

    private double magnitude(int i) {
        return (sums.direction[i] - sums.gate[i]) / s.gains[i];
    }

    /** arXiv 2407.14435, equations 11 and 12: df/dθ = −(θ/ε)K, dH/dθ = −(1/ε)K. */
    private double theta(int i, double meanL0) {
        double slope = s.rule.sparsity().firingSlope(meanL0, (double) sums.firing[i] / s.rows);
        double through = s.parameters.threshold()[i] * sums.alongWindow[i] + slope * sums.kernels[i] / s.rows;
        return weightBelow(i) * (s.rows - sums.firing[i]) - through / s.rule.bandwidth();
    }
}
