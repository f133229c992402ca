package dev.loupe.patch;

import dev.loupe.model.Activation;
import dev.loupe.model.HookPoint;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A kind of place with, for each of its rows, a hook point, the corrupted run's value there and the value a patch puts
 * in. Scores and exact patches of every kind of site are the same arithmetic on these: a cell is a set of numbers of
 * one row, its estimate the sum over them of (target − corrupt) · coefficient.
 */
final class Site {
    private final String name;
    private final HookPoint[] hooks;
    private final float[][][] corrupt;
    private final float[][][] target;
    private final int heads;
    private final boolean byPosition;

    /**
     * Describes a site.
     *
     * @param hooks hook of each row; with heads by position, of each {@code heads} rows
     * @param corrupt [hook][position][width] values of the corrupted run
     * @param target [hook][position][width] values with everything patched
     * @param heads how many equal slices the width is cut into; 0 for none
     * @param byPosition whether columns are positions and, with heads, each head is a row of its own; else columns are
     *     heads, at all positions
     */
    Site(String name, HookPoint[] hooks, float[][][] corrupt, float[][][] target, int heads, boolean byPosition) {
        this.name = name;
        this.hooks = hooks;
        this.corrupt = corrupt;
        this.target = target;
        this.heads = heads;
        this.byPosition = byPosition;
    }

    String name() {
        return name;
    }

    private int rowsOfHook() {
        return byPosition ? Math.max(1, heads) : 1;
    }

    private int index(int row) {
        return row / rowsOfHook();
    }

    int rows() {
        return hooks.length * rowsOfHook();
    }

    HookPoint hook(int row) {
        return hooks[index(row)];
    }

    /** The head of a row; null where a row is not a head. */
    @Nullable Integer head(int row) {
        return byPosition && heads > 0 ? (Integer) (row % heads) : null;
    }

    int columns() {
        return byPosition ? corrupt[0].length : heads;
    }

    PatchResult.Axes axes() {
        int[] layers = new int[rows()];
        Arrays.setAll(layers, row -> hook(row).layer());
        int[] headOf = new int[rows()];
        Arrays.setAll(headOf, row -> heads == 0 ? 0 : row % heads);
        return new PatchResult.Axes(layers, byPosition ? "position" : "head", byPosition && heads > 0 ? headOf : null);
    }

    /** Corrupted values of a row, [position][width]. */
    float[][] corrupt(int row) {
        return corrupt[index(row)];
    }

    /** Patched values of a row, [position][width]. */
    float[][] target(int row) {
        return target[index(row)];
    }

    /** Sum of (target − corrupt) · coefficient over the cell; coefficients are [position][width]. */
    double estimate(int row, int column, float[][] coefficient) {
        double sum = 0;
        float[][] was = corrupt(row);
        for (int p = 0; p < was.length; p++) {
            if (byPosition && p != column) {
                continue;
            }
            float[] from = was[p];
            float[] to = target(row)[p];
            float[] c = coefficient[p];
            for (int i = first(row, column, from.length); i < last(row, column, from.length); i++) {
                sum += ((double) to[i] - from[i]) * c[i];
            }
        }
        return sum;
    }

    /** Whether the target differs from the corrupted run in a cell. */
    boolean changes(int row, int column) {
        float[][] was = corrupt(row);
        for (int p = 0; p < was.length; p++) {
            float[] from = was[p];
            float[] to = target(row)[p];
            int first = first(row, column, from.length);
            int last = last(row, column, from.length);
            if ((!byPosition || p == column) && !Arrays.equals(from, first, last, to, first, last)) {
                return true;
            }
        }
        return false;
    }

    /** Puts the target's values of the cell into one row of a batch. */
    void put(int row, int column, Activation a, int batchRow) {
        float[][] wanted = target(row);
        for (int p = a.startPosition(); p < wanted.length; p++) {
            if (byPosition && p != column) {
                continue;
            }
            float[] to = wanted[p];
            for (int i = first(row, column, to.length); i < last(row, column, to.length); i++) {
                a.set(batchRow, p - a.startPosition(), i, to[i]);
            }
        }
    }

    /** The first value of a cell's slice of the width. */
    private int first(int row, int column, int width) {
        return heads == 0 ? 0 : (byPosition ? row % heads : column) * (width / heads);
    }

    private int last(int row, int column, int width) {
        return heads == 0 ? width : first(row, column, width) + width / heads;
    }
}
