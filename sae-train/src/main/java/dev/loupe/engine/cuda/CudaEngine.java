package dev.loupe.engine.cuda;

import dev.loupe.base.UsageException;
import dev.loupe.engine.Precision;
import dev.loupe.engine.SaeEngine;
import dev.loupe.engine.TrainSession;
import dev.loupe.engine.TrainState;
import dev.loupe.math.Matrix;

/**
 * Takes training steps on a GPU. Parameters and moments never leave the card; of a step only its report (200 bytes) comes
 * back. Pre-activations are made in tiles that stay in the second-level cache, latents are picked out of them there, and
 * everything behind that is done for active latents alone. The same seed gives the same bits on the same card.
 */
public final class CudaEngine implements SaeEngine {
    /** Threads of a block. */
    static final int THREADS = 256;

    private final CudaDevice device;
    private final Precision precision;
    private final int threads;
    private final int sparse;

    /**
     * The engine of a card.
     *
     * @param index of the card, from 0
     * @param precision of the product that chooses latents
     * @throws dev.loupe.base.LoupeException in a sentence if there is no such card, or a library is missing
     */
    public CudaEngine(int index, Precision precision) {
        this(CudaDevice.open(index), precision, THREADS);
    }

    CudaEngine(CudaDevice device, Precision precision, int threads) {
        this(device, precision, threads, DenseProducts.sparse(precision));
    }

    /** @param sparse dense products from one active latent in so many on; 0 for never */
    CudaEngine(CudaDevice device, Precision precision, int threads, int sparse) {
        if (precision == Precision.INT8) {
            throw new UsageException(
                    "The precision int8 is the processor's: on a GPU choose bf16, tf32 or fp32, or train"
                            + " with --device cpu.");
        }
        this.device = device;
        this.precision = precision;
        this.threads = threads;
        this.sparse = sparse;
    }

    @Override
    public String describe() {
        return "CUDA on " + device.describe() + "; encoder's product in " + precision.id();
    }

    @Override
    public boolean prefetches() {
        return true;
    }

    @Override
    public void announce(Matrix rows) {
        device.shared().announce(rows);
    }

    @Override
    public void forget(Matrix rows) {
        device.shared().forget(rows);
    }

    @Override
    public TrainSession open(TrainState initial) {
        return new CudaSession(device, precision, threads, sparse, initial);
    }
}
