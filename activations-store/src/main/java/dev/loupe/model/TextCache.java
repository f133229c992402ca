package dev.loupe.model;

import java.util.Arrays;

/**
 * Rotated keys and values of the texts that are being written, by row. Rows are filled from position 0 on and need not be
 * equally long; what lies behind a row's length is finite, and attention masks it. Memory grows geometrically. Used by one
 * thread.
 */
abstract class TextCache implements KeysAndValues, AutoCloseable {
    private static final int FEWEST_POSITIONS = 64;

    /** Key and value heads. */
    final int heads;

    /** Numbers of one head. */
    final int width;

    private final int most;
    private int[] lengths = new int[0];
    private int positions;
    private int first;

    TextCache(ModelConfig config) {
        heads = config.nKeyValueHeads();
        width = config.dHead();
        most = config.nCtx();
    }

    /** Takes larger memory, and what is there with it; {@link #rows} and {@link #positions} still say the old size. */
    abstract void grow(int newRows, int newPositions);

    /** Writes so many positions of a row, from 0 on, over those of another one. */
    abstract void copy(int from, int to, int length);

    /** Makes so many positions of a row, from 0 on, zero. */
    abstract void erase(int row, int length);

    /** Frees the memory. */
    abstract void free();

    /** Rows there is room for. */
    final int rows() {
        return lengths.length;
    }

    /** Positions there is room for in each row. */
    final int positions() {
        return positions;
    }

    /** Positions of a row that are filled. */
    final int length(int row) {
        return lengths[row];
    }

    /** The row at which the rows of the next pass begin. */
    final int first() {
        return first;
    }

    /** Makes room for so many rows of so many positions; what is there stays. */
    final void reserve(int rows, int wanted) {
        if (rows <= lengths.length && wanted <= positions) {
            return;
        }
        int newRows = rows <= lengths.length ? lengths.length : Math.max(rows, 2 * lengths.length);
        int grown = Math.max(wanted, Math.max(FEWEST_POSITIONS, 2 * positions));
        int newPositions = wanted <= positions ? positions : Math.max(wanted, Math.min(grown, most));
        grow(newRows, newPositions);
        lengths = Arrays.copyOf(lengths, newRows);
        positions = newPositions;
    }

    /** The rows of the next pass begin at this one. */
    final void at(int row) {
        first = row;
    }

    /** Says that a pass is over. */
    final void advance(Pass pass) {
        for (int b = 0; b < pass.batch(); b++) {
            lengths[first + b] += pass.lengths[b];
        }
    }

    /** Moves one row over another, whose text has ended. */
    final void move(int from, int to) {
        clear(to);
        if (from == to) {
            return;
        }
        copy(from, to, lengths[from]);
        lengths[to] = lengths[from];
        clear(from);
    }

    /** Forgets a row. Its numbers go too: a NaN among them would reach the next text through a weight of 0. */
    final void clear(int row) {
        if (lengths[row] > 0) {
            erase(row, lengths[row]);
        }
        lengths[row] = 0;
    }

    /** Frees everything; the cache may be used again. */
    @Override
    public final void close() {
        free();
        lengths = new int[0];
        positions = 0;
    }
}
