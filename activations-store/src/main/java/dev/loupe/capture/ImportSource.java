package dev.loupe.capture;

import dev.loupe.math.Matrix;
import org.jspecify.annotations.Nullable;

/** Activations that another program stored: sequences of rows, read once in order. */
interface ImportSource extends AutoCloseable {
    /** Token id of rows whose token nobody stored. */
    int NO_TOKEN = -1;

    /** What it is, for the manifest. */
    String describe();

    /** The hook point that the file itself names; empty if none. */
    String hook();

    /** Floats a row. */
    int width();

    /** The next sequence, or null at the end. */
    @Nullable Item next();

    /**
     * One sequence.
     *
     * @param tokens one for each row; {@link #NO_TOKEN} where it is not known
     */
    record Item(int[] tokens, RowCopy rows) {}

    /** Puts the rows of a sequence in place. */
    @FunctionalInterface
    interface RowCopy {
        void into(Matrix target, int firstRow);
    }

    @Override
    void close();
}
