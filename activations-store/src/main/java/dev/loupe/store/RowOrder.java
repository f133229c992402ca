package dev.loupe.store;

/**
 * An order of rows for training: which row comes at which place of which epoch, as a function of a seed. Every row comes
 * exactly once an epoch. Safe to use from several threads.
 */
interface RowOrder {
    /** What {@code loupe.json} says about the order. */
    String description();

    /** The order of one epoch. */
    Epoch epoch(long epoch);

    /** One epoch's order. */
    interface Epoch {
        /** The place in the set of rows of what comes at a place, {@code 0 <= place < size}. */
        long at(long place);
    }
}
