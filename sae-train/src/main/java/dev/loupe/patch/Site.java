package dev.loupe.patch;

import dev.loupe.model.Activation;
import dev.loupe.model.HookPoint;
import java.util.Arrays;

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

    /**
     * Describes a site.
     *
     * @param hooks hook of each row
     * @param corrupt [row][position][width] values of the corrupted run
     * @param target [row][position][width] values with everything patched
     * @param heads 0 if columns are positions; else columns are so many equal slices of the width, at all positions
     */
    Site(String name, HookPoint[] hooks, float[][][] corrupt, float[][][] target, int heads) {
        this.name = name;
        this.hooks = hooks;
        this.corrupt = corrupt;
        this.target = target;
        this.heads = heads;
    }

    String name() {
        return name;
    }

    int rows() {
        return hooks.length;
    }

    HookPoint hook(int row) {
        return hooks[row];
    }

    int columns() {
        return heads > 0 ? heads : corrupt[0].length;
    }

    PatchResult.Axes axes() {
        int[] layers = new int[hooks.length];
        for (int i = 0; i < layers.length; i++) {
            layers[i] = hooks[i].layer();
        }
        return new PatchResult.Axes(layers, heads > 0 ? "head" : "position");
    }

    /** Corrupted values of a row, [position][width]. */
    float[][] corrupt(int row) {
        return corrupt[row];
    }

    /** Patched values of a row, [position][width]. */
    float[][] target(int row) {
        return target[row];
    }

    /** Sum of (target − corrupt) · coefficient over the cell; coefficients are [position][width]. */
    double estimate(int row, int column, float[][] coefficient) {
        double sum = 0;
        for (int p = 0; p < corrupt[row].length; p++) {
            if (heads == 0 && p != column) {
                continue;
            }
            float[] from = corrupt[row][p];
            float[] to = target[row][p];
            float[] c = coefficient[p];
            for (int i = first(column, from.length); i < last(column, from.length); i++) {
                sum += ((double) to[i] - from[i]) * c[i];
            }
        }
        return sum;
    }

    /** Whether the target differs from the corrupted run in a cell. */
    boolean changes(int row, int column) {
        for (int p = 0; p < corrupt[row].length; p++) {
            float[] from = corrupt[row][p];
            float[] to = target[row][p];
            int first = first(column, from.length);
            int last = last(column, from.length);
            if ((heads > 0 || p == column) && !Arrays.equals(from, first, last, to, first, last)) {
                return true;
            }
        }
        return false;
    }

    /** Puts the target's values of the cell into one row of a batch. */
    void put(int row, int column, Activation a, int batchRow) {
        for (int p = a.startPosition(); p < corrupt[row].length; p++) {
            if (heads == 0 && p != column) {
                continue;
            }
            float[] to = target[row][p];
            for (int i = first(column, to.length); i < last(column, to.length); i++) {
                a.set(batchRow, p - a.startPosition(), i, to[i]);
            }
        }
    }

    private int first(int column, int width) {
        return heads == 0 ? 0 : column * (width / heads);
    }

    private int last(int column, int width) {
        return heads == 0 ? width : (column + 1) * (width / heads);
    }
}
