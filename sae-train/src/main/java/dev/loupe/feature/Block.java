package dev.loupe.feature;

import dev.loupe.sae.SparseCodes;
import java.util.Arrays;

/**
 * Some whole sequences of a store with what their tokens activate, turned round: for each latent the rows on which it is
 * active, ascending. All latents of a block are thus updated one after the other, each from a short run of memory.
 */
final class Block {
    final long firstRow;
    final int rows;
    final int[] token;
    final int[] previous; // token before in the sequence, or -1
    final int[] position;
    final int[] sequence;
    final int[] document;
    final int[] label;
    final boolean[] heldOut;

    private int[] starts = new int[0];
    private int[] entryRow = new int[0];
    private float[] entryValue = new float[0];

    Block(long firstRow, int rows) {
        this.firstRow = firstRow;
        this.rows = rows;
        this.token = new int[rows];
        this.previous = new int[rows];
        this.position = new int[rows];
        this.sequence = new int[rows];
        this.document = new int[rows];
        this.label = new int[rows];
        this.heldOut = new boolean[rows];
    }

    /** Sorts the codes by latent; rows stay ascending within a latent (counting sort). */
    Block turn(SparseCodes codes, int dSae) {
        int size = codes.size();
        int[] ids = codes.ids();
        starts = new int[dSae + 1];
        for (int e = 0; e < size; e++) {
            starts[ids[e] + 1]++;
        }
        for (int i = 0; i < dSae; i++) {
            starts[i + 1] += starts[i];
        }
        int[] next = Arrays.copyOf(starts, dSae);
        entryRow = new int[size];
        entryValue = new float[size];
        for (int r = 0; r < rows; r++) {
            for (int e = codes.start(r); e < codes.end(r); e++) {
                int at = next[ids[e]]++;
                entryRow[at] = r;
                entryValue[at] = codes.values()[e];
            }
        }
        return this;
    }

    /** Takes codes that were turned before. */
    void restore(int[] newStarts, int[] rows, float[] values) {
        starts = newStarts;
        entryRow = rows;
        entryValue = values;
    }

    /** All starts, one per latent and the end; not to be changed. */
    int[] starts() {
        return starts;
    }

    /** The rows of all entries, latent by latent; not to be changed. */
    int[] rows() {
        return entryRow;
    }

    /** The activations of all entries; not to be changed. */
    float[] values() {
        return entryValue;
    }

    int start(int latent) {
        return starts[latent];
    }

    int end(int latent) {
        return starts[latent + 1];
    }

    /** The row (in this block) of an entry. */
    int row(int entry) {
        return entryRow[entry];
    }

    /** The activation of an entry. */
    float value(int entry) {
        return entryValue[entry];
    }

    int entries() {
        return entryRow.length;
    }
}
