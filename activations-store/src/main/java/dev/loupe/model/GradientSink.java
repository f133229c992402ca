package dev.loupe.model;

import ai.djl.ndarray.NDArray;
import java.lang.foreign.MemorySegment;

/** What happens to gradients at hook points on their way back. */
interface GradientSink {
    /** Whether the gradient of a hook point is asked for or changed. */
    boolean wants(int layer, String local);

    /** Whether the gradient ends at a hook point, so that what it would cause below need not be computed. */
    boolean stops(int layer, String local);

    /**
     * Keeps the gradient of a hook point, if it is wanted, and then changes it, if somebody does.
     *
     * @param layer the block; -1 before the first, {@link Integer#MAX_VALUE} after the last
     * @param local the name within the block
     * @return what flows on
     */
    NDArray at(int layer, String local, NDArray gradient);

    /** The same over memory {@code [batch, pos, width]} of the pass; what is changed lives as long as the scope around it. */
    MemorySegment at(int layer, String local, MemorySegment gradient);
}
