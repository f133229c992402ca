package dev.loupe.model;

import ai.djl.ndarray.NDArray;

/** Where gradients of hook points go. */
interface GradientSink {
    /** Whether the gradient of a hook point is asked for. */
    boolean wants(int layer, String local);

    /**
     * Keeps the gradient of a hook point, if it is wanted.
     *
     * @param layer the block; -1 before the first, {@link Integer#MAX_VALUE} after the last
     * @param local the name within the block
     */
    void keep(int layer, String local, NDArray gradient);
}
