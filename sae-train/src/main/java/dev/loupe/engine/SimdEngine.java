package dev.loupe.engine;

import dev.loupe.math.VectorOps;

/**
 * The fast engine in pure Java: one dense product per step (the encoder), everything else only where latents are active.
 * Tiles of rows are encoded, selected, decoded and differentiated while they are in the cache; the (row, latent) pairs are
 * then sorted by latent, and one loop over latents sums each gradient row and applies Adam to it at once, so gradients
 * never reach memory. Results do not depend on the number of threads.
 */
final class SimdEngine implements SaeEngine {

    @Override
    public String describe() {
        return "Java Vector API, " + VectorOps.lanes() + " lanes, sparse gradients";
    }

    @Override
    public TrainSession open(TrainState initial) {
        return new SimdSession(initial);
    }
}
