package dev.loupe.model;

/**
 * Runs over the same tokens whose values differ only from some layer and position on, such as exact patching makes by
 * the thousand. What comes before is computed once. Used by one thread.
 */
public interface Variations extends AutoCloseable {
    /** The first position that runs compute: {@link Activation#startPosition} of what their taps see. */
    int position();

    /**
     * Computes several runs in one batch, with logits at the last position.
     *
     * @param rows how many
     * @param layer the block whose input is the first thing that may differ; taps lie in it or behind it
     */
    Forward run(int rows, int layer, Taps taps);

    @Override
    void close();
}
