package dev.loupe.engine;

import java.util.Arrays;

/** For each row of a tile some latents, ascending, with their pre-activations. */
final class Candidates {
    private static final int ROOM = ForwardTile.ROWS * 32;

    final int[] starts = new int[ForwardTile.ROWS + 1];
    int[] ids = new int[ROOM];
    float[] pi = new float[ROOM];
    private int rows;

    void clear() {
        rows = 0;
        starts[0] = 0;
    }

    /** The number of latents of all rows. */
    int size() {
        return starts[rows];
    }

    /** Appends a row: the latents {@code latents[found[h]]} with {@code values[found[h]]}, h from 0 to {@code count}. */
    void addRow(int[] found, int count, int[] latents, float[] values) {
        addRow(found, count, latents, values, 0);
    }

    /** The same of what begins at {@code from} in {@code latents} and {@code values}. */
    void addRow(int[] found, int count, int[] latents, float[] values, int from) {
        int to = starts[rows];
        if (to + count > ids.length) {
            ids = Arrays.copyOf(ids, 2 * (to + count));
            pi = Arrays.copyOf(pi, ids.length);
        }
        for (int h = 0; h < count; h++) {
            ids[to + h] = latents[from + found[h]];
            pi[to + h] = values[from + found[h]];
        }
        starts[++rows] = to + count;
    }
}
