package dev.loupe.engine;

/**
 * Takes training steps. All engines do the same arithmetic up to rounding; the contract test compares whole steps of each
 * with {@link #scalar()}.
 */
public interface SaeEngine {

    /** What this is, for logs. */
    String describe();

    /** Begins training from a state, which is copied. */
    TrainSession open(TrainState initial);

    /** The fastest engine on this machine. */
    static SaeEngine best() {
        return new SimdEngine();
    }

    /** The readable reference: plain loops in double. */
    static SaeEngine scalar() {
        return new ScalarEngine();
    }
}
