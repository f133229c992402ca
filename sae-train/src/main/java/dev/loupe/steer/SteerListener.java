package dev.loupe.steer;

/** Hears both streams while they are written. */
@FunctionalInterface
public interface SteerListener {
    /**
     * One piece of text became certain.
     *
     * @param steered whether it belongs to the steered stream
     * @param text the new text only, never what came before
     */
    void text(boolean steered, String text);

    /** Hears nothing. */
    static SteerListener silent() {
        return (steered, text) -> {};
    }
}
