package dev.loupe.patch;

import dev.loupe.model.Activation;
import dev.loupe.model.HookPoint;

/** Something that can be put into a corrupted run at one hook point: a cell of a grid, a neuron, a latent. */
interface Patch {
    /** Where. */
    HookPoint hook();

    /** Whether it changes anything in the corrupted run. */
    boolean changes();

    /** Writes the patched values into one row of the batch at that hook, from its start position on. */
    void put(Activation a, int batchRow);
}
