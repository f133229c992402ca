package dev.loupe.engine;

import dev.loupe.math.TopK;
import dev.loupe.math.VectorOps;
import dev.loupe.sae.Architecture;
import dev.loupe.sae.SaeWeights;
import java.util.Arrays;

/**
 * Forward pass of some rows and everything of the backward pass that belongs to rows: reconstruction, error, and the pairs
 * from which {@link LatentUpdate} makes the gradients.
 */
final class ForwardTile {
    /** Rows per tile: a multiple of the heights of both matrix kernels, small enough for π to stay in the cache. */
    static final int ROWS = 48;

    final Pairs pairs = new Pairs();
    double reconstruction;
    double auxError;
    double energy;
    double centredEnergy;
    double l1;
    long active;
    double[] inputSum = new double[0];
    double[] errorSum = new double[0];

    /** What one thread needs while it works on a tile. */
    static final class Scratch {
        final float[] tile;
        final float[] pi;
        final float[] x;
        final float[] deadPi;
        final int[] found;
        final TopK topK = new TopK();

        Scratch(StepInput s) {
            tile = s.packed.newTile(ROWS);
            pi = s.packed.newResult(ROWS);
            x = new float[s.d];
            deadPi = new float[s.n];
            found = new int[s.n];
        }
    }

    void run(StepInput s, Scratch q, int first, int count) {
        pairs.clear();
        reconstruction = auxError = energy = centredEnergy = l1 = 0;
        active = 0;
        inputSum = zeros(inputSum, s.d);
        errorSum = zeros(errorSum, s.d);
        float[] bDec = s.parameters.bDec();
        for (int r = first; r < first + count; r++) {
            s.batch.copyRow(r, q.x);
            energy += VectorOps.dot(q.x, 0, q.x, 0, s.d);
            int at = r * s.d;
            for (int j = 0; j < s.d; j++) {
                float c = q.x[j] - bDec[j];
                s.centred[at + j] = c;
                inputSum[j] += c;
            }
            centredEnergy += VectorOps.dot(s.centred, at, s.centred, at, s.d);
        }
        s.packed.packTile(s.centred, first * s.d, s.d, count, q.tile);
        s.packed.multiply(q.tile, count, q.pi);
        for (int r = 0; r < count; r++) {
            int pi = r * s.packed.stride();
            VectorOps.axpy(1, s.parameters.bEnc(), 0, q.pi, pi, s.n);
            row(s, q, first + r, pi);
            if (s.dead.length > 0) {
                auxiliary(s, q, first + r, pi);
            }
        }
    }

    private void row(StepInput s, Scratch q, int r, int pi) {
        SaeWeights p = s.parameters;
        Architecture a = s.rule.architecture();
        int hits = switch (a) {
            case RELU -> VectorOps.above(q.pi, pi, pi + s.n, s.limits, 0, q.found);
            case TOPK -> s.rule.k() < 1 ? 0 : q.topK.select(q.pi, pi, s.n, s.rule.k(), q.found);
            case JUMPRELU -> VectorOps.above(q.pi, pi, pi + s.n, s.limits, 0, q.found);
        };
        float[] theta = p.threshold();
        int at = r * s.d;
        for (int j = 0; j < s.d; j++) {
            s.errors[at + j] = -s.centred[at + j]; // x̂ − x = Σ f_i d_i − (x − b_dec)
        }
        for (int h = 0; h < hits; h++) {
            int i = q.found[h];
            float z = q.pi[pi + i];
            if (z > (a == Architecture.JUMPRELU ? theta[i] : 0)) {
                VectorOps.axpy(z, p.decoderRows().segment(), p.decoderRows().offset(i), s.errors, at, s.d);
                l1 += z;
                active++;
            }
        }
        reconstruction += VectorOps.dot(s.errors, at, s.errors, at, s.d);
        float scale = 2f / s.rows;
        for (int j = 0; j < s.d; j++) {
            s.errors[at + j] *= scale; // from here on the derivative of the loss with respect to x̂
            errorSum[j] += s.errors[at + j];
        }
        float perActive = a == Architecture.RELU ? (float) (s.rule.l1() / s.rows) : 0;
        float half = (float) (s.rule.bandwidth() / 2);
        for (int h = 0; h < hits; h++) {
            int i = q.found[h];
            float z = q.pi[pi + i];
            boolean fires = z > (a == Architecture.JUMPRELU ? theta[i] : 0);
            boolean window = a == Architecture.JUMPRELU && Math.abs(z - theta[i]) < half;
            if (fires || window) {
                float along = VectorOps.dot(
                        s.errors, at, p.decoderRows().segment(), p.decoderRows().offset(i), s.d);
                int flags = (window ? Pairs.WINDOW : 0) | (fires ? 0 : Pairs.SILENT);
                pairs.add(i, r | flags, fires ? z : 0, along + perActive);
            }
        }
    }

    /** The largest pre-activations among dead latents, not rectified, reconstruct what the others left over. */
    private void auxiliary(StepInput s, Scratch q, int r, int pi) {
        for (int e = 0; e < s.dead.length; e++) {
            q.deadPi[e] = q.pi[pi + s.dead[e]];
        }
        int chosen = q.topK.select(q.deadPi, 0, s.dead.length, Math.min(s.rule.auxK(), s.dead.length), q.found);
        int at = r * s.d;
        int aux = (s.rows + r) * s.d;
        float half = s.rows / 2f;
        for (int j = 0; j < s.d; j++) {
            s.errors[aux + j] = half * s.errors[at + j]; // r̂ − r begins as −r = x̂ − x
        }
        for (int c = 0; c < chosen; c++) {
            long dec = s.parameters.decoderRows().offset(s.dead[q.found[c]]);
            VectorOps.axpy(q.deadPi[q.found[c]], s.parameters.decoderRows().segment(), dec, s.errors, aux, s.d);
        }
        auxError += VectorOps.dot(s.errors, aux, s.errors, aux, s.d);
        float scale = 2f / s.rows;
        for (int j = 0; j < s.d; j++) {
            s.errors[aux + j] *= scale;
        }
        for (int c = 0; c < chosen; c++) {
            int i = s.dead[q.found[c]];
            long dec = s.parameters.decoderRows().offset(i);
            float along =
                    VectorOps.dot(s.errors, aux, s.parameters.decoderRows().segment(), dec, s.d);
            pairs.add(i, s.rows + r, q.deadPi[q.found[c]], along);
        }
    }

    private static double[] zeros(double[] old, int length) {
        if (old.length != length) {
            return new double[length];
        }
        Arrays.fill(old, 0);
        return old;
    }
}
