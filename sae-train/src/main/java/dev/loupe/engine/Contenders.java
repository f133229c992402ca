package dev.loupe.engine;

import dev.loupe.math.RowOps;

/**
 * What a product of integers leaves over: for each row of a tile the latents that may be chosen. Their pre-activations are
 * computed in float32, some latents at a time for the rows of all tiles, so that encoder rows come out of the cache: row by
 * row they would be read all over the memory.
 */
final class Contenders {
    private final Candidates candidates = new Candidates();

    /** For each row, the first one without a pre-activation. */
    private final int[] rough = new int[ForwardTile.ROWS];

    private int rows;

    void clear() {
        candidates.clear();
        rows = 0;
    }

    /** The number of latents of all rows. */
    int size() {
        return candidates.size();
    }

    /** Adds a row: what its screen has left. */
    void addRow(Screen screen, ForwardTile.Scratch q) {
        rough[rows++] = candidates.size();
        candidates.addRow(q.found, ForwardTile.all(q.found, screen.count), screen.ids, screen.lower);
    }

    /** Computes the pre-activations of latents below {@code to} that have none; the first row is {@code first} of the batch. */
    void exact(StepInput s, ForwardTile.Scratch q, int first, int to) {
        for (int r = 0; r < rows; r++) {
            int start = rough[r];
            int end = start;
            while (end < candidates.starts[r + 1] && candidates.ids[end] < to) {
                end++;
            }
            dots(s, q, first + r, candidates.ids, start, end - start);
            System.arraycopy(q.exact, 0, candidates.pi, start, end - start);
            rough[r] = end;
        }
    }

    /** Adds those that the rule chooses. */
    void choose(StepInput s, ForwardTile.Scratch q, Candidates hits) {
        boolean top = s.rule.selection() == Selection.TOPK;
        for (int r = 0; r < rows; r++) {
            int at = candidates.starts[r];
            int size = candidates.starts[r + 1] - at;
            int chosen = 0;
            if (top) {
                chosen = q.topK.select(candidates.pi, at, size, s.rule.k(), q.found);
            } else {
                for (int c = 0; c < size; c++) {
                    if (candidates.pi[at + c] > s.limits[candidates.ids[at + c]]) {
                        q.found[chosen++] = c;
                    }
                }
            }
            hits.addRow(q.found, chosen, candidates.ids, candidates.pi, at);
        }
    }

    /** Pre-activations of a row in float32, into {@code q.exact}, of {@code size} latents from {@code from} on. */
    static void dots(StepInput s, ForwardTile.Scratch q, int row, int[] latents, int from, int size) {
        for (int c = 0; c < size; c++) {
            q.decoderRows[c] = s.parameters.encoderRows().offset(latents[from + c]);
        }
        RowOps.dotRows(
                s.centred, row * s.dIn, s.parameters.encoderRows().segment(), q.decoderRows, 0, size, q.exact, s.dIn);
        for (int c = 0; c < size; c++) {
            q.exact[c] += s.bias[latents[from + c]];
        }
    }
}
