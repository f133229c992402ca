package dev.loupe.engine;

import dev.loupe.math.RowOps;
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
        final int[] ids;
        final long[] decoderRows;
        final float[] z;
        final float[] along;
        final TopK topK = new TopK();

        Scratch(StepInput s) {
            tile = s.packed.newTile(ROWS);
            pi = s.packed.newResult(ROWS);
            x = new float[s.d];
            deadPi = new float[s.n];
            found = new int[s.n];
            ids = new int[s.n];
            decoderRows = new long[s.n];
            z = new float[s.n];
            along = new float[s.n];
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
        boolean jump = a == Architecture.JUMPRELU;
        int firing = 0;
        for (int h = 0; h < hits; h++) {
            int i = q.found[h];
            float z = q.pi[pi + i];
            if (z > (jump ? theta[i] : 0)) {
                q.ids[firing] = i;
                q.z[firing] = z;
                q.decoderRows[firing++] = p.decoderRows().offset(i);
                l1 += z;
            }
        }
        active += firing;
        RowOps.addRows(q.z, p.decoderRows().segment(), q.decoderRows, 0, firing, s.errors, at, s.d);
        reconstruction += VectorOps.dot(s.errors, at, s.errors, at, s.d);
        float scale = 2f / s.rows;
        for (int j = 0; j < s.d; j++) {
            s.errors[at + j] *= scale; // from here on the derivative of the loss with respect to x̂
            errorSum[j] += s.errors[at + j];
        }
        float half = (float) (s.rule.bandwidth() / 2);
        int count = firing;
        for (int h = 0; jump && h < hits; h++) { // latents just below their threshold: only it learns from them
            int i = q.found[h];
            float z = q.pi[pi + i];
            if (!(z > theta[i]) && Math.abs(z - theta[i]) < half) {
                q.ids[count] = i;
                q.decoderRows[count++] = p.decoderRows().offset(i);
            }
        }
        RowOps.dotRows(s.errors, at, p.decoderRows().segment(), q.decoderRows, count, q.along, s.d);
        float perActive = a == Architecture.RELU ? (float) (s.rule.l1() / s.rows) : 0;
        for (int c = 0; c < count; c++) {
            int i = q.ids[c];
            boolean fires = c < firing;
            boolean window = jump && Math.abs(q.pi[pi + i] - theta[i]) < half;
            int flags = (window ? Pairs.WINDOW : 0) | (fires ? 0 : Pairs.SILENT);
            pairs.add(i, r | flags, fires ? q.z[c] : 0, q.along[c] + perActive);
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
            q.z[c] = q.deadPi[q.found[c]];
            q.ids[c] = s.dead[q.found[c]];
            q.decoderRows[c] = s.parameters.decoderRows().offset(q.ids[c]);
        }
        RowOps.addRows(q.z, s.parameters.decoderRows().segment(), q.decoderRows, 0, chosen, s.errors, aux, s.d);
        auxError += VectorOps.dot(s.errors, aux, s.errors, aux, s.d);
        float scale = 2f / s.rows;
        for (int j = 0; j < s.d; j++) {
            s.errors[aux + j] *= scale;
        }
        RowOps.dotRows(s.errors, aux, s.parameters.decoderRows().segment(), q.decoderRows, chosen, q.along, s.d);
        for (int c = 0; c < chosen; c++) {
            pairs.add(q.ids[c], s.rows + r, q.z[c], q.along[c]);
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
