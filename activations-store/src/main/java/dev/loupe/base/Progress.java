package dev.loupe.base;

import java.util.function.BooleanSupplier;

/**
 * Where long work tells how far it is and learns that it should stop. Implementations are safe to call from any thread
 * and cheap enough to call once per batch; they throttle by themselves.
 */
public interface Progress {

    /**
     * Begins a stage of the work; the stage before it is over.
     *
     * @param name what is happening, for people ("capture blocks.3.hook_resid_post")
     * @param total how much there is to do, in {@code unit}; negative if unknown
     * @param unit what is counted ("tokens", "steps", "latents")
     */
    void stage(String name, long total, String unit);

    /** Says how much of the current stage is done, counted from its beginning. */
    void advance(long done);

    /** Records one point of a live curve (loss, L0, ...). */
    default void metric(String name, long step, double value) {}

    /** Tells something worth reading once. */
    default void message(String text) {}

    /** Tells the address of another program's web page that shows this work while it lasts. */
    default void page(String address) {}

    /** Whether the work should stop soon. */
    default boolean cancelled() {
        return false;
    }

    /**
     * Stops the work if that was asked for.
     *
     * @throws CancelledException if {@link #cancelled()}
     */
    default void check() {
        if (cancelled()) {
            throw new CancelledException();
        }
    }

    /** A progress that nobody watches and that says when to stop. */
    static Progress until(BooleanSupplier stopped) {
        return new StoppableProgress(stopped);
    }

    /** A progress that nobody watches. */
    static Progress silent() {
        return SilentProgress.INSTANCE;
    }
}
