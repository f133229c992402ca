package dev.loupe.engine;

import dev.loupe.math.Matrix;
import dev.loupe.math.RowOps;
import dev.loupe.math.VectorOps;
import dev.loupe.sae.SaeWeights;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * The second half of a step for a range of latents: sums the gradient of one latent's encoder row, decoder row, bias and
 * threshold from its pairs and applies Adam to them at once, with the decoder's norm kept.
 */
final class LatentUpdate {
    /** Latents per task. */
    static final int CHUNK = 32;

    private final StepInput s;
    private final Pairs pairs;
    private final int[] starts;
    private final SaeWeights m;
    private final SaeWeights v;
    private final int[] sinceFired;
    private final AdamKernel adam;
    private final double l0Slope;

    LatentUpdate(
            StepInput s,
            Pairs pairs,
            int[] starts,
            SaeWeights m,
            SaeWeights v,
            int[] sinceFired,
            AdamKernel adam,
            double l0Slope) {
        this.s = s;
        this.pairs = pairs;
        this.starts = starts;
        this.m = m;
        this.v = v;
        this.sinceFired = sinceFired;
        this.adam = adam;
        this.l0Slope = l0Slope;
    }

    /**
     * Updates the latents of one chunk.
     *
     * @param bDecGradient receives this chunk's part of the gradient of b_dec: −Σ (dL/dπ_i) · w_i
     */
    void run(int chunk, float[] bDecGradient) {
        float[] encoder = new float[s.d];
        float[] decoder = new float[s.d];
        Arrays.fill(bDecGradient, 0);
        for (int i = chunk * CHUNK; i < Math.min(s.n, (chunk + 1) * CHUNK); i++) {
            Arrays.fill(encoder, 0);
            Arrays.fill(decoder, 0);
            latent(i, encoder, decoder, bDecGradient);
        }
    }

    private void latent(int i, float[] encoder, float[] decoder, float[] bDecGradient) {
        double bias = 0;
        double alongWindow = 0;
        int inWindow = 0;
        boolean fired = false;
        int start = starts[i];
        int end = start; // pairs that count for the rows are moved together, with the places of their rows
        for (int e = start; e < starts[i + 1]; e++) {
            int flags = pairs.row[e];
            int row = flags & Pairs.ROW;
            float dPi = pairs.dPi[e];
            if ((flags & Pairs.WINDOW) != 0) {
                alongWindow += dPi;
                inWindow++;
            }
            if ((flags & Pairs.SILENT) == 0) {
                boolean main = row < s.rows;
                fired |= main && pairs.z[e] > 0;
                bias += dPi;
                pairs.z[end] = pairs.z[e];
                pairs.dPi[end] = dPi;
                pairs.row[end] = row * s.d;
                pairs.latent[end++] = (main ? row : row - s.rows) * s.d;
            }
        }
        RowOps.addRows(pairs.z, s.errors, pairs.row, start, end - start, decoder, 0, s.d);
        RowOps.addRows(pairs.dPi, s.centred, pairs.latent, start, end - start, encoder, 0, s.d);
        sinceFired[i] = fired ? 0 : sinceFired[i] + 1;

        SaeWeights p = s.parameters;
        Matrix enc = p.encoderRows();
        VectorOps.axpy((float) -bias, enc.segment(), enc.offset(i), bDecGradient, 0, s.d);
        adam.update(enc.segment(), m.encoderRows().segment(), v.encoderRows().segment(), enc.offset(i), encoder, s.d);

        MemorySegment dec = p.decoderRows().segment();
        long at = p.decoderRows().offset(i);
        float parallel = VectorOps.dot(decoder, 0, dec, at, s.d);
        VectorOps.axpy(-parallel, dec, at, decoder, 0, s.d);
        adam.update(dec, m.decoderRows().segment(), v.decoderRows().segment(), at, decoder, s.d);
        VectorOps.scale((float) (1 / Math.sqrt(VectorOps.sumSquares(dec, at, s.d))), dec, at, s.d);

        adam.update(p.bEnc(), m.bEnc(), v.bEnc(), i, bias);
        if (p.threshold().length > 0) {
            // arXiv 2407.14435, equations 11 and 12: df/dθ = −(θ/ε)K, dH/dθ = −(1/ε)K
            double gradient = -(p.threshold()[i] * alongWindow + l0Slope * inWindow / s.rows) / s.rule.bandwidth();
            adam.update(p.threshold(), m.threshold(), v.threshold(), i, gradient);
            p.threshold()[i] = Math.max(0, p.threshold()[i]);
        }
    }
}
