package dev.loupe.engine;

/**
 * Where the time of the steps of a session went, in seconds summed over threads.
 *
 * @param product packing rows and the encoder's dense product
 * @param selection choosing latents, with pre-activations computed again
 * @param decode reconstruction, errors and their products with decoder rows
 * @param gradients gradient rows of latents
 * @param adam the optimiser, norms of decoder rows, the running average, packing the encoder anew
 */
public record StepTimes(double product, double selection, double decode, double gradients, double adam) {
    static final StepTimes NONE = new StepTimes(0, 0, 0, 0, 0);

    static StepTimes ofNanos(long[] n) {
        return new StepTimes(
                n[StepClock.PRODUCT] / 1e9,
                n[StepClock.SELECTION] / 1e9,
                n[StepClock.DECODE] / 1e9,
                n[StepClock.GRADIENTS] / 1e9,
                n[StepClock.ADAM] / 1e9);
    }
}
