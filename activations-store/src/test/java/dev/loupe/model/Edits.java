package dev.loupe.model;

import dev.loupe.base.UsageException;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Editors for the usual changes: values are added, set or scaled, everywhere or only at some positions, in all heads or in
 * one. Immutable.
 */
public final class Edits {
    private static final Edits EVERYWHERE = new Edits(null, -1, 1);

    private final int @Nullable [] positions;
    private final int head;
    private final int heads;

    private Edits(int @Nullable [] positions, int head, int heads) {
        this.positions = positions;
        this.head = head;
        this.heads = heads;
    }

    /** At all positions of every row, all values of each. */
    public static Edits everywhere() {
        return EVERYWHERE;
    }

    /** Only at these positions of every row, counted from the start of the sequence; those it lacks are passed over. */
    public static Edits at(int... positions) {
        for (int p : positions) {
            if (p < 0) {
                throw new UsageException("The position " + p + " does not exist: positions count from 0.");
            }
        }
        return new Edits(positions.clone(), -1, 1);
    }

    /**
     * The same in one head only, of hook points whose values lie head by head ({@code attn.hook_z}, {@code attn.hook_q},
     * patterns and scores).
     *
     * @param heads how many the hook point has: {@link ModelConfig#nHeads}, or {@link ModelConfig#nKeyValueHeads} for keys
     *     and values
     */
    public Edits head(int one, int heads) {
        if (one < 0 || one >= heads) {
            throw new UsageException("There is no head " + one + ": there are heads 0 to " + (heads - 1) + ".");
        }
        return new Edits(positions, one, heads);
    }

    /** Adds a vector. */
    public Editor add(float... vector) {
        float[] copy = vector.clone();
        return activation -> each(activation, copy.length, (old, i) -> old + copy[i]);
    }

    /** Puts a vector in place of the values. */
    public Editor set(float... vector) {
        float[] copy = vector.clone();
        return activation -> each(activation, copy.length, (old, i) -> copy[i]);
    }

    /** Multiplies the values; 0 removes them. */
    public Editor scale(float factor) {
        return activation -> each(activation, -1, (old, i) -> old * factor);
    }

    /** The new value of element {@code i} of the edited part. */
    private interface Change {
        float apply(float old, int i);
    }

    private void each(Activation a, int length, Change change) {
        int width = a.width() / heads;
        int from = head < 0 ? 0 : head * width;
        if (a.width() % heads != 0 || length >= 0 && length != width) {
            throw new UsageException("An edit of " + Math.max(0, length) + " values does not fit " + a.hook()
                    + ", which has " + a.width() + (head < 0 ? "" : " in " + heads + " heads") + ".");
        }
        for (int b = 0; b < a.batch(); b++) {
            for (int p : places(a, b)) {
                for (int i = 0; i < width; i++) {
                    a.set(b, p, from + i, change.apply(a.get(b, p, from + i), i));
                }
            }
        }
    }

    /** Where the edited positions of a row lie in memory. */
    private int[] places(Activation a, int b) {
        return positions == null
                ? IntStream.range(0, a.length(b)).toArray()
                : Arrays.stream(positions)
                        .map(p -> p - a.startPosition())
                        .filter(p -> p >= 0 && p < a.length(b))
                        .toArray();
    }
}
