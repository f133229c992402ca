package dev.loupe.engine;

import dev.loupe.base.UsageException;

/**
 * Takes training steps. All engines do the same arithmetic up to rounding; the contract test compares whole steps of each
 * with {@link #scalar()}.
 */
public interface SaeEngine {

    /** What this is, for logs. */
    String describe();

    /** Begins training from a state, which is copied. */
    TrainSession open(TrainState initial);

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

    /** The readable reference: plain loops in double. */
    static SaeEngine scalar() {
        return new ScalarEngine();
    }
}
