package dev.loupe.diagnose;

/**
 * One run of one diagnostic. It says what it wants, is shown it, and says again what it wants, until that is nothing;
 * what several studies want in the same round is read once. Everything is shown in one order and to one thread at a time,
 * so a study needs no locks and gives the same result every time. What streams cannot give is {@link OwnWork}.
 */
public interface Study {
    /** What it wants from the next round; {@link Wants#nothing()} when it has seen enough. */
    Wants wants();

    /** A part of the text that the model read, with the hook points that were wanted; valid during this call only. */
    default void see(ModelPass pass) {}

    /** Rows of the store, whole sequences, with what was wanted of them; valid during this call only. */
    default void see(RowPass rows) {}

    /** What a change of the model did to its predictions on the whole trial text. */
    default void see(Trial trial, Effect effect) {}

    /** What was found. */
    Finding finding();
}
