package dev.loupe.engine;

import dev.loupe.math.Matrix;
import dev.loupe.math.VectorOps;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The last part of a step for a range of latents: makes the gradients of encoder row, decoder row and own numbers, and
 * applies Adam to them while they are in the cache. Only where the norm of the whole gradient must be known first are
 * gradients written to memory ({@link #measure}), which costs less than to make them twice.
 */
final class LatentUpdate {
    /** Latents per task. */
    static final int CHUNK = LatentGradients.CHUNK;

    private final StepInput s;
    private final LatentGradients gradients;
    private final @Nullable Kept kept;

    /** @param kept room for gradients, where they are measured first */
    LatentUpdate(StepInput s, LatentGradients gradients, @Nullable Kept kept) {
        this.s = s;
        this.gradients = gradients;
        this.kept = kept;
    }

    /** Room for the gradients of all rows, [d_sae, d_in] and [d_sae, d_out]. */
    record Kept(Matrix encoder, Matrix decoder) {
        static Kept of(Arena arena, Parameters p) {
            return new Kept(Matrix.allocate(arena, p.dSae(), p.dIn()), Matrix.allocate(arena, p.dSae(), p.dOut()));
        }
    }

    /** Makes and keeps the gradients of one chunk; returns Σ of their squares. */
    double measure(int chunk, Kept to) {
        float[] encoder = new float[s.dIn];
        float[] decoder = new float[s.dOut];
        double sum = 0;
        for (int i = chunk * CHUNK; i < Math.min(s.n, (chunk + 1) * CHUNK); i++) {
            gradients.make(i, encoder, decoder);
            sum += keep(i, encoder, decoder, to);
        }
        return sum;
    }

    /** The same by dense products, for {@link DenseChunk#LATENTS}; pairs are not needed. */
    double measureDense(int chunk, DenseStep step, Kept to) {
        float[] encoder = new float[s.dIn];
        float[] decoder = new float[s.dOut];
        double sum = 0;
        DenseChunk dense = step.chunk();
        int from = chunk * DenseChunk.LATENTS;
        dense.run(from, gradients);
        for (int i = from; i < Math.min(s.n, from + DenseChunk.LATENTS); i++) {
            dense.copy(i - from, encoder, decoder);
            gradients.finish(i, encoder, decoder);
            sum += keep(i, encoder, decoder, to);
        }
        step.done(dense);
        return sum;
    }

    private double keep(int i, float[] encoder, float[] decoder, Kept to) {
        to.encoder.setRow(i, encoder);
        to.decoder.setRow(i, decoder);
        return gradients.squares(i, encoder, decoder);
    }

    /** What {@link #run} changes. */
    record Optimiser(
            Parameters m, Parameters v, @Nullable Parameters average, double decay, AdamKernel adam, double factor) {}

    /** Updates the latents of one chunk. */
    void run(int chunk, Optimiser o, StepClock clock) {
        clock.begin();
        float[] encoder = new float[s.dIn];
        float[] decoder = new float[s.dOut];
        Parameters p = s.parameters;
        for (int i = chunk * CHUNK; i < Math.min(s.n, (chunk + 1) * CHUNK); i++) {
            if (kept == null) {
                gradients.make(i, encoder, decoder);
            } else {
                kept.encoder.copyRow(i, encoder);
                kept.decoder.copyRow(i, decoder);
            }
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
            o.adam.update(p.bEnc(), o.m.bEnc(), o.v.bEnc(), i, o.factor * gradients.bias(i));
            if (p.threshold().length > 0) {
                o.adam.update(p.threshold(), o.m.threshold(), o.v.threshold(), i, o.factor * gradients.theta(i));
                p.threshold()[i] = Math.max(0, p.threshold()[i]);
            }
            if (p.gated()) {
                o.adam.update(p.bMag(), o.m.bMag(), o.v.bMag(), i, o.factor * gradients.magnitude(i));
                o.adam.update(p.rMag(), o.m.rMag(), o.v.rMag(), i, o.factor * gradients.gain(i));
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
}
