package dev.loupe.sae;

import java.util.Arrays;

/**
 * The active latents of a batch of inputs, row by row (compressed sparse rows): the latents of row r are
 * {@code ids[start(r)] … ids[end(r) − 1]}, ascending, with values &gt; 0 at the same places.
 */
public final class SparseCodes {
    private final int[] offsets;
    private final int[] ids;
    private final float[] values;

    /**
     * @param offsets rows + 1 positions in the two arrays, ascending from 0
     * @param ids latents, ascending within a row
     * @param values activations, all &gt; 0
     */
    public SparseCodes(int[] offsets, int[] ids, float[] values) {
        int end = offsets[offsets.length - 1];
        if (offsets[0] != 0 || end > ids.length || end > values.length) {
            throw new IllegalArgumentException("offsets end at " + end + " of " + ids.length + " ids");
        }
        this.offsets = offsets;
        this.ids = ids;
        this.values = values;
    }

    /** The number of inputs. */
    public int rows() {
        return offsets.length - 1;
    }

    /** The number of active latents over all rows. */
    public int size() {
        return offsets[offsets.length - 1];
    }

    /** Where the latents of a row begin. */
    public int start(int row) {
        return offsets[row];
    }

    /** Where the latents of a row end (exclusive). */
    public int end(int row) {
        return offsets[row + 1];
    }

    /** The number of active latents of a row. */
    public int count(int row) {
        return offsets[row + 1] - offsets[row];
    }

    /** All row offsets; not to be changed. */
    public int[] offsets() {
        return offsets;
    }

    /** All latents, in row order; not to be changed, and perhaps longer than {@link #size()}. */
    public int[] ids() {
        return ids;
    }

    /** All values, in row order; not to be changed, and perhaps longer than {@link #size()}. */
    public float[] values() {
        return values;
    }

    /** The activation of one latent in one row; 0 where it is not active. */
    public float value(int row, int latent) {
        int at = Arrays.binarySearch(ids, start(row), end(row), latent);
        return at < 0 ? 0 : values[at];
    }

    /** The mean number of active latents per row (L0). */
    public double l0() {
        return rows() == 0 ? 0 : (double) size() / rows();
    }
}
