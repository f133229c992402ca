package dev.loupe.patch;

import dev.loupe.model.Activation;
import dev.loupe.model.HookPoint;

/** Something that can be put into a corrupted run at one hook point: a cell of a grid, a neuron, a latent. */
interface Patch {
    /** Where. */
    HookPoint hook();

    /** Writes the patched values into one row of the batch at that hook. */
    void put(Activation a, int batchRow);
}
