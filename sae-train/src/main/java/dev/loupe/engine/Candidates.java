package dev.loupe.engine;

import java.util.Arrays;

/** For each row of a tile some latents, ascending, with their pre-activations. */
final class Candidates {
    final int[] starts = new int[ForwardTile.ROWS + 1];
    int[] ids = new int[ForwardTile.ROWS * 32];
    float[] pi = new float[ForwardTile.ROWS * 32];
    private int rows;

    void clear() {
        rows = 0;
        starts[0] = 0;
    }

    /** The number of latents of all rows. */
    int size() {
        return starts[rows];
    }

    /** Appends a row: latents {@code found[0 .. count)} with values at {@code values[at + found]}. */
    void addRow(int[] found, int count, float[] values, int at) {
        int to = starts[rows];
        if (to + count > ids.length) {
            ids = Arrays.copyOf(ids, 2 * (to + count));
            pi = Arrays.copyOf(pi, ids.length);
        }
        for (int h = 0; h < count; h++) {
            ids[to + h] = found[h];
            pi[to + h] = values[at + found[h]];
        }
        starts[++rows] = to + count;
    }
}
