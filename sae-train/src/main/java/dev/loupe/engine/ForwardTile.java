package dev.loupe.engine;

import dev.loupe.math.TopK;
import dev.loupe.math.VectorOps;
import java.util.Arrays;

/** The first half of a step for some rows: what the encoder sees, its product, and the latents that may act on each row. */
final class ForwardTile {
    /** Rows per tile: a multiple of the heights of both matrix kernels, small enough for π to stay in the cache. */
    static final int ROWS = 48;

    final Candidates hits = new Candidates();
    /** Dead latents chosen for the auxiliary loss. */
    final Candidates revived = new Candidates();

    final RowPass rowPass = new RowPass();
    int first;
    int count;
    double energy;
    double centredEnergy;
    /** Whether every input is a number; what is not one would otherwise never be chosen and never be seen. */
    boolean finite;

    double[] targetSum = new double[0];
    double[] inputSum = new double[0];

    /** What one thread needs while it works on a tile. */
    static final class Scratch {
        final float[] tile;
        final float[] pi;
        final float[] skip;
        final float[] skipTile;
        final float[] x;
        final float[] y;
        final float[] deadPi;
        final int[] found;
        final int[] ids;
        final long[] decoderRows;
        final float[] z;
        final float[] open;
        final float[] along;
        final float[] gateAlong;
        final float[] gateError;
        final TopK topK = new TopK();

        Scratch(StepInput s) {
            tile = s.packed.newTile(ROWS);
            pi = s.packed.newResult(ROWS);
            skipTile = s.packedSkip == null ? new float[0] : s.packedSkip.newTile(ROWS);
            skip = s.packedSkip == null ? new float[0] : s.packedSkip.newResult(ROWS);
            x = new float[s.dIn];
            y = new float[s.dOut];
            deadPi = new float[s.n];
            found = new int[s.n];
            ids = new int[s.n];
            decoderRows = new long[s.n];
            z = new float[s.n];
            open = new float[s.n];
            along = new float[s.n];
            gateAlong = new float[s.n];
            gateError = new float[s.dOut];
        }
    }

    void encode(StepInput s, Scratch q, int firstRow, int rowCount) {
        first = firstRow;
        count = rowCount;
        energy = centredEnergy = 0;
        finite = true;
        targetSum = zeros(targetSum, s.dOut);
        inputSum = zeros(inputSum, s.dIn);
        hits.clear();
        revived.clear();
        for (int r = first; r < first + count; r++) {
            row(s, q, r);
        }
        s.packed.packTile(s.centred, first * s.dIn, s.dIn, count, q.tile);
        s.packed.multiply(q.tile, count, q.pi);
        if (s.packedSkip != null) {
            s.packedSkip.packTile(s.centred, first * s.dIn, s.dIn, count, q.skipTile);
            s.packedSkip.multiply(q.skipTile, count, q.skip);
        }
        for (int r = 0; r < count; r++) {
            int pi = r * s.packed.stride();
            VectorOps.axpy(1, s.parameters.bEnc(), 0, q.pi, pi, s.n);
            int chosen = s.rule.selection() == Selection.TOPK
                    ? s.rule.k() < 1 ? 0 : q.topK.select(q.pi, pi, s.n, s.rule.k(), q.found)
                    : VectorOps.above(q.pi, pi, pi + s.n, s.limits, 0, q.found);
            hits.addRow(q.found, chosen, q.pi, pi);
            if (s.dead.length > 0) {
                revive(s, q, pi);
            }
            if (s.packedSkip != null) {
                VectorOps.axpy(1, q.skip, r * s.packedSkip.stride(), s.errors, s.errorAt(0, first + r), s.dOut);
            }
        }
    }

    private void row(StepInput s, Scratch q, int r) {
        float[] bDec = s.parameters.bDec();
        boolean same = s.input == s.target;
        s.input.copyRow(r, q.x);
        float[] y = same ? q.x : q.y;
        if (!same) {
            s.target.copyRow(r, y);
            finite &= Float.isFinite(VectorOps.dot(q.x, 0, q.x, 0, s.dIn));
        }
        energy += VectorOps.dot(y, 0, y, 0, s.dOut);
        int at = s.errorAt(0, r);
        for (int j = 0; j < s.dOut; j++) {
            float c = y[j] - bDec[j];
            targetSum[j] += c;
            s.errors[at + j] = -c; // ŷ − y = Σ f_i d_i − (y − b_dec)
        }
        centredEnergy += VectorOps.dot(s.errors, at, s.errors, at, s.dOut);
        int to = r * s.dIn;
        System.arraycopy(q.x, 0, s.centred, to, s.dIn);
        if (s.rule.subtractBias()) {
            for (int j = 0; j < s.dIn; j++) {
                s.centred[to + j] -= bDec[j];
            }
        }
        if (s.rule.sparsity().preActivation() > 0) {
            for (int j = 0; j < s.dIn; j++) {
                inputSum[j] += s.centred[to + j];
            }
        }
    }

    /** The largest pre-activations among dead latents, not rectified. */
    private void revive(StepInput s, Scratch q, int pi) {
        for (int e = 0; e < s.dead.length; e++) {
            q.deadPi[e] = q.pi[pi + s.dead[e]];
        }
        int chosen = q.topK.select(q.deadPi, 0, s.dead.length, Math.min(s.rule.auxK(), s.dead.length), q.found);
        for (int c = 0; c < chosen; c++) {
            q.found[c] = s.dead[q.found[c]];
        }
        revived.addRow(q.found, chosen, q.pi, pi);
    }

    static double[] zeros(double[] old, int length) {
        if (old.length != length) {
            return new double[length];
        }
        Arrays.fill(old, 0);
        return old;
    }
}
