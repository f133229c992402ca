package dev.loupe.train;

import dev.loupe.engine.Precision;
import dev.loupe.engine.SaeEngine;
import dev.loupe.engine.cuda.ChosenCard;
import dev.loupe.engine.cuda.CudaEngine;
import dev.loupe.engine.cuda.CudaMemory;

/**
 * Where this process takes training steps ({@code --device}): on the processor, unless a GPU was asked for, which then
 * encodes large batches and computes the cosines of matching, too.
 */
public final class TrainDevice {
    private TrainDevice() {}

    /**
     * Chooses for all trainings that begin from now on. Whether the GPU and its libraries are there is seen when the first
     * one begins.
     *
     * @param index of the GPU; below 0 for the processor
     */
    public static void use(int index) {
        ChosenCard.use(index);
    }

    /** What takes steps. */
    static SaeEngine engine(Precision precision) {
        int index = ChosenCard.index();
        return index < 0 ? SaeEngine.best(precision) : new CudaEngine(index, precision);
    }

    /** Whether trainings are on a GPU. */
    public static boolean onGpu() {
        return ChosenCard.chosen();
    }

    /** The memory of the GPU. */
    static CudaMemory memory() {
        return CudaMemory.of(ChosenCard.index());
    }
}
