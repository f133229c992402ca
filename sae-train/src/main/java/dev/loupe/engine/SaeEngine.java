package dev.loupe.engine;

import dev.loupe.base.UsageException;
import dev.loupe.math.Matrix;

/**
 * Takes training steps. All engines do the same arithmetic up to rounding; the contract test compares whole steps of each
 * with {@link #scalar()}.
 */
public interface SaeEngine {

    /** What this is, for logs. */
    String describe();

    /** Begins training from a state, which is copied. */
    TrainSession open(TrainState initial);

    /**
     * Whether steps leave the processor idle, so that the next batch can be made meanwhile.
     */
    default boolean prefetches() {
        return false;
    }

    /**
     * Tells that memory has new rows, which several sessions will take steps on: an engine of another device brings them
     * there once, and without waiting. They must not change before the steps on them are taken.
     */
    default void announce(Matrix rows) {}

    /** Takes back what {@link #announce} told. */
    default void forget(Matrix rows) {}

    /** The fastest engine on this machine, in float32. */
    static SaeEngine best() {
        return best(Precision.FP32);
    }

    /**
     * The fastest engine on this machine's processor.
     *
     * @throws UsageException if only a GPU has the precision
     */
    static SaeEngine best(Precision precision) {
        if (precision == Precision.TF32) {
            throw new UsageException(
                    "The precision tf32 is a GPU's: train with --device cuda:0, or choose fp32, bf16 or" + " int8.");
        }
        return new SimdEngine(precision);
    }

    /**
     * The engine of {@link #best(Precision)} with another limit for dense products, to measure where it belongs.
     *
     * @param sparse dense products from one active latent in so many on; 0 for never
     */
    static SaeEngine denseFrom(Precision precision, int sparse) {
        return new SimdEngine(precision, null, sparse);
    }

    /** The readable reference: plain loops in double. */
    static SaeEngine scalar() {
        return new ScalarEngine();
    }
}
