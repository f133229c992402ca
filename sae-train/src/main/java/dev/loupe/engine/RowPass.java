package dev.loupe.engine;

import dev.loupe.engine.ForwardTile.Scratch;
import dev.loupe.math.RowOps;
import dev.loupe.math.VectorOps;

/**
 * The second half of the forward pass of a tile and everything of the backward pass that belongs to rows: reconstruction,
 * error, and the pairs from which {@link LatentUpdate} makes the gradients.
 */
final class RowPass {
    final Pairs pairs = new Pairs();
    double nested;
    double reconstruction;
    double auxError;
    double gateError;
    double penalty;
    double power;
    double powerNext;
    double l1;
    long active;
    float smallest;
    double[] errorSum = new double[0];

    /** The smallest pre-activation that BATCH_TOPK keeps, and how many equal to it this tile may keep. */
    float limit;

    int ties;

    void run(StepInput s, Scratch q, ForwardTile t) {
        nested = reconstruction = auxError = gateError = penalty = power = powerNext = l1 = 0;
        active = 0;
        smallest = Float.POSITIVE_INFINITY;
        errorSum = ForwardTile.zeros(errorSum, s.dOut);
        Selection selection = s.rule.selection();
        boolean extras = selection == Selection.THRESHOLD || selection == Selection.GATE;
        pairs.begin(s.dense != null ? 0 : t.hits.size() + t.revived.size(), extras);
        if (s.dense != null) {
            DenseRows dense = s.dense.tile();
            dense.run(this, s, q, t);
            s.dense.done(dense);
            return;
        }
        for (int r = 0; r < t.count; r++) {
            int firing = choose(s, q, t.hits, r);
            reconstruct(s, q, t.first + r, firing);
            if (s.rule.selection() == Selection.GATE) {
                gates(s, q, firing);
            }
            leave(s, t.first + r);
            differentiate(s, t.first + r);
            backward(s, q, t.hits, r, t.first + r, firing);
            if (s.dead.length > 0) {
                auxiliary(s, q, t.revived, r, t.first + r);
            }
        }
    }

    /** What the row's latents leave over, for the auxiliary loss. */
    private void leave(StepInput s, int row) {
        if (s.dead.length > 0) {
            System.arraycopy(s.errors, s.errorAt(s.groups - 1, row), s.errors, s.errorAt(s.groups, row), s.dOut);
        }
    }

    /** The active latents of a row, ascending. */
    int choose(StepInput s, Scratch q, Candidates hits, int r) {
        Parameters p = s.parameters;
        Selection selection = s.rule.selection();
        int firing = 0;
        for (int h = hits.starts[r]; h < hits.starts[r + 1]; h++) {
            int i = hits.ids[h];
            float pi = hits.pi[h];
            boolean on = switch (selection) {
                case POSITIVE, TOPK, STATISTICAL -> pi > 0;
                case THRESHOLD -> pi > p.threshold()[i];
                case BATCH_TOPK -> pi > limit || (pi == limit && ties-- > 0);
                case GATE -> true;
            };
            if (!on) {
                continue;
            }
            float z = pi;
            if (selection == Selection.GATE) {
                z = Math.max(0, s.gains[i] * (pi - p.bEnc()[i]) + p.bMag()[i]);
                q.open[firing] = pi;
            }
            q.ids[firing] = i;
            q.z[firing] = z;
            q.decoderRows[firing++] = p.decoderRows().offset(i);
            l1 += z;
            if (z > 0) {
                active++;
                smallest = Math.min(smallest, z);
            }
            pay(s, i, selection == Selection.GATE ? pi : z);
        }
        return firing;
    }

    private void pay(StepInput s, int i, float activation) {
        Sparsity sparsity = s.rule.sparsity();
        double a = (double) activation * s.norm(i);
        if (sparsity.onActivations()) {
            penalty += sparsity.value(a);
        }
        power += Sparsity.power(a, sparsity.p());
        if (sparsity.pNext() > 0) {
            powerNext += Sparsity.power(a, sparsity.pNext());
        }
    }

    /** ŷ − y for every prefix. */
    private void reconstruct(StepInput s, Scratch q, int row, int firing) {
        int from = 0;
        for (int g = 0; g < s.groups; g++) {
            int at = s.errorAt(g, row);
            if (g > 0) {
                System.arraycopy(s.errors, s.errorAt(g - 1, row), s.errors, at, s.dOut);
            } else if (s.rule.selection() == Selection.GATE) {
                System.arraycopy(s.errors, at, q.gateError, 0, s.dOut);
            }
            int to = from;
            while (to < firing && q.ids[to] < s.ends[g]) {
                to++;
            }
            RowOps.addRows(
                    q.z, s.parameters.decoderRows().segment(), q.decoderRows, from, to - from, s.errors, at, s.dOut);
            from = to;
            reconstructed(s, g, row);
        }
    }

    /** Counts the error of a prefix. */
    void reconstructed(StepInput s, int group, int row) {
        int at = s.errorAt(group, row);
        float squares = VectorOps.dot(s.errors, at, s.errors, at, s.dOut);
        nested += s.rule.prefixWeight() * squares;
        if (group == s.groups - 1) {
            s.rowErrors[row] = squares;
            reconstruction += squares;
        }
    }

    /** The gates' own reconstruction, and what each gate learns from it. */
    private void gates(StepInput s, Scratch q, int open) {
        RowOps.addRows(q.open, s.parameters.decoderRows().segment(), q.decoderRows, 0, open, q.gateError, 0, s.dOut);
        gateError += VectorOps.dot(q.gateError, 0, q.gateError, 0, s.dOut);
        RowOps.dotRows(
                q.gateError, 0, s.parameters.decoderRows().segment(), q.decoderRows, 0, open, q.gateAlong, s.dOut);
    }

    /** From errors of prefixes to the derivative of the loss with respect to what a latent of each group adds to ŷ. */
    void differentiate(StepInput s, int row) {
        float scale = (float) (2 * s.rule.prefixWeight() / s.rows);
        for (int g = s.groups - 1; g >= 0; g--) {
            int at = s.errorAt(g, row);
            int next = s.errorAt(g + 1, row);
            boolean last = g == s.groups - 1;
            for (int j = 0; j < s.dOut; j++) {
                s.errors[at + j] = last ? scale * s.errors[at + j] : scale * s.errors[at + j] + s.errors[next + j];
            }
        }
        int at = s.errorAt(0, row);
        for (int j = 0; j < s.dOut; j++) {
            errorSum[j] += s.errors[at + j];
        }
    }

    private void backward(StepInput s, Scratch q, Candidates hits, int r, int row, int firing) {
        Selection selection = s.rule.selection();
        Parameters p = s.parameters;
        int total = firing;
        if (selection == Selection.THRESHOLD) { // latents just below their threshold: only it learns from them
            for (int h = hits.starts[r]; h < hits.starts[r + 1]; h++) {
                int i = hits.ids[h];
                if (!(hits.pi[h] > p.threshold()[i]) && kernel(s, i, hits.pi[h]) > 0) {
                    q.ids[total] = i;
                    q.z[total] = hits.pi[h];
                    q.decoderRows[total++] = p.decoderRows().offset(i);
                }
            }
        }
        along(s, q, row, 0, firing);
        along(s, q, row, firing, total);
        for (int c = 0; c < total; c++) {
            int i = q.ids[c];
            int at = s.groups == 1 ? row : s.rule.group(i) * s.rows + row;
            if (selection == Selection.GATE) {
                addGate(s, i, at, q.z[c], q.open[c], q.along[c], q.gateAlong[c]);
            } else if (c < firing) {
                add(s, i, at, q.z[c], q.along[c]);
            } else {
                addSilent(s, i, at, q.z[c], q.along[c]);
            }
        }
    }

    /** Adds the pair of an active latent. */
    private void add(StepInput s, int i, int at, float z, float along) {
        float dF = along + (float) cost(s, i, z);
        pairs.add(i, at, z, dF, s.rule.selection() == Selection.THRESHOLD ? kernel(s, i, z) : 0);
    }

    /** Adds the pair of a latent below its threshold, if its pre-activation is near enough for the threshold to learn. */
    private void addSilent(StepInput s, int i, int at, float pi, float along) {
        if (s.rule.selection() == Selection.THRESHOLD && !(pi > s.parameters.threshold()[i])) {
            float k = kernel(s, i, pi);
            if (k > 0) {
                pairs.add(i, at | Pairs.SILENT, 0, along + (float) cost(s, i, 0), k);
            }
        }
    }

    /** Adds the pair of a latent whose gate is open, whatever its magnitude. */
    private void addGate(StepInput s, int i, int at, float z, float open, float along, float gateAlong) {
        float gate = (float) (2.0 * gateAlong / s.rows + cost(s, i, open));
        pairs.add(i, at, z, (z > 0 ? along * s.gains[i] : 0) + gate, gate);
    }

    /** The derivative of the penalty with respect to an activation. */
    static double cost(StepInput s, int i, float activation) {
        Sparsity sparsity = s.rule.sparsity();
        return sparsity.onActivations() ? sparsity.slope((double) activation * s.norm(i)) * s.norm(i) / s.rows : 0;
    }

    /** K at a pre-activation. */
    static float kernel(StepInput s, int i, float pi) {
        return (float) s.rule.kernel().at((pi - s.parameters.threshold()[i]) / s.rule.bandwidth());
    }

    /** The derivative with respect to f of latents {@code from .. to}, ascending. */
    private static void along(StepInput s, Scratch q, int row, int from, int to) {
        int at = from;
        for (int g = 0; g < s.groups && at < to; g++) {
            int end = at;
            while (end < to && q.ids[end] < s.ends[g]) {
                end++;
            }
            RowOps.dotRows(
                    s.errors,
                    s.errorAt(g, row),
                    s.parameters.decoderRows().segment(),
                    q.decoderRows,
                    at,
                    end - at,
                    q.along,
                    s.dOut);
            at = end;
        }
    }

    /** The chosen dead latents reconstruct what the others left over. */
    private void auxiliary(StepInput s, Scratch q, Candidates revived, int r, int row) {
        int chosen = 0;
        for (int h = revived.starts[r]; h < revived.starts[r + 1]; h++) {
            q.ids[chosen] = revived.ids[h];
            q.z[chosen] = revived.pi[h];
            q.decoderRows[chosen++] = s.parameters.decoderRows().offset(revived.ids[h]);
        }
        int aux = s.errorAt(s.groups, row);
        RowOps.addRows(q.z, s.parameters.decoderRows().segment(), q.decoderRows, 0, chosen, s.errors, aux, s.dOut);
        auxError += VectorOps.dot(s.errors, aux, s.errors, aux, s.dOut);
        float scale = 2f / s.rows;
        for (int j = 0; j < s.dOut; j++) {
            s.errors[aux + j] *= scale;
        }
        RowOps.dotRows(s.errors, aux, s.parameters.decoderRows().segment(), q.decoderRows, 0, chosen, q.along, s.dOut);
        for (int c = 0; c < chosen; c++) {
            pairs.add(q.ids[c], s.groups * s.rows + row, q.z[c], q.along[c], 0);
        }
    }
}
