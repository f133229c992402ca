package dev.loupe.model;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The float32 values of one hook point for a batch, logically {@code [batch, positions, width]}. What a read returns is
 * a copy that stays valid; what an {@link Editor} gets is the model's own memory.
 *
 * <p>Heads are flattened: {@code hook_z} of 6 heads of 32 has width 192, value {@code i} being head {@code i / 32},
 * dimension {@code i % 32}. Attention patterns lie as {@code [batch, head, query, key]} in memory; their width is heads
 * times keys, value {@code i} of a query position being head {@code i / keys}, key {@code i % keys}. Always go through
 * {@link #index} when reading {@link #segment} of a pattern.
 */
public final class Activation {
    private final HookPoint hook;
    private final MemorySegment segment;
    private final int batch;
    private final int positions;
    private final int width;
    private final int heads; // 0: rows are contiguous; else head-major: width = heads * keys
    private final int startPosition;
    private final int[] lengths;
    private final int @Nullable [][] tokens;

    Activation(
            HookPoint hook,
            MemorySegment segment,
            int batch,
            int positions,
            int width,
            int heads,
            int startPosition,
            int[] lengths,
            int @Nullable [][] tokens) {
        this.hook = hook;
        this.segment = segment;
        this.batch = batch;
        this.positions = positions;
        this.width = width;
        this.heads = heads;
        this.startPosition = startPosition;
        this.lengths = lengths;
        this.tokens = tokens;
        if (segment.byteSize() != 4L * batch * positions * width) {
            throw new IllegalArgumentException(hook + ": " + segment.byteSize() + " bytes are not " + batch + " x "
                    + positions + " x " + width + " floats");
        }
    }

    /**
     * Values outside any model, for tests and for editors that call one another.
     *
     * @param lengths real tokens of each row, {@code [batch]}
     */
    public static Activation of(
            HookPoint hook, MemorySegment segment, int positions, int width, int startPosition, int... lengths) {
        return new Activation(hook, segment, lengths.length, positions, width, 0, startPosition, lengths.clone(), null);
    }

    /** Where these values come from. */
    public HookPoint hook() {
        return hook;
    }

    /** Number of sequences. */
    public int batch() {
        return batch;
    }

    /** Number of positions in memory: that of the longest sequence. */
    public int positions() {
        return positions;
    }

    /** Floats per position. */
    public int width() {
        return width;
    }

    /** The position in its sequence of what is here at index 0: above 0 while generating with a cache. */
    public int startPosition() {
        return startPosition;
    }

    /** How many of the positions of a row are real tokens; what lies behind them is padding. */
    public int length(int b) {
        return lengths[b];
    }

    /** The memory, {@code batch * positions * width} floats in native byte order. */
    public MemorySegment segment() {
        return segment;
    }

    /** Where a value is in {@link #segment}, counted in floats. */
    public long index(int b, int p, int i) {
        if (b < 0 || b >= batch || p < 0 || p >= positions || i < 0 || i >= width) {
            throw new IndexOutOfBoundsException(hook + " [" + batch + ", " + positions + ", " + width + "] has no [" + b
                    + ", " + p + ", " + i + "]");
        }
        if (heads == 0) {
            return ((long) b * positions + p) * width + i;
        }
        int keys = width / heads;
        return (((long) b * heads + i / keys) * positions + p) * keys + i % keys;
    }

    /** One value. */
    public float get(int b, int p, int i) {
        return segment.getAtIndex(JAVA_FLOAT, index(b, p, i));
    }

    /** Changes one value. */
    public void set(int b, int p, int i, float value) {
        segment.setAtIndex(JAVA_FLOAT, index(b, p, i), value);
    }

    /** A copy of the values of one position. */
    public float[] row(int b, int p) {
        float[] row = new float[width];
        int chunk = heads == 0 ? width : width / heads;
        for (int i = 0; i < width; i += chunk) {
            MemorySegment.copy(segment, JAVA_FLOAT, 4 * index(b, p, i), row, i, chunk);
        }
        return row;
    }

    /** Replaces the values of one position. */
    public void setRow(int b, int p, float[] row) {
        if (row.length != width) {
            throw new IllegalArgumentException(hook + " has width " + width + ", not " + row.length);
        }
        int chunk = heads == 0 ? width : width / heads;
        for (int i = 0; i < width; i += chunk) {
            MemorySegment.copy(row, i, segment, JAVA_FLOAT, 4 * index(b, p, i), chunk);
        }
    }

    /** The id of the token at a position; −1 if it is padding or nobody said what the tokens are. */
    public int token(int b, int p) {
        return tokens == null || p >= tokens[b].length ? -1 : tokens[b][p];
    }

    /** The same hook point for more rows. */
    Activation joined(MemorySegment all, int[] ofAll) {
        return new Activation(hook, all, ofAll.length, positions, width, heads, startPosition, ofAll, null);
    }

    int[] lengths() {
        return lengths;
    }

    @Override
    public String toString() {
        return hook + " [" + batch + ", " + positions + ", " + width + "] of lengths " + Arrays.toString(lengths);
    }
}
