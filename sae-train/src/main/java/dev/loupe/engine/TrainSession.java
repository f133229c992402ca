package dev.loupe.engine;

import dev.loupe.math.Matrix;
import java.util.List;

/**
 * One SAE in training: owns parameters and moments and takes whole steps. Not for use by several threads at once; it uses
 * all cores by itself.
 */
public interface TrainSession extends AutoCloseable {

    /**
     * Takes one step that reconstructs its own input.
     *
     * @param batch [rows, d_in], already in training units; not changed
     * @throws Diverged if the loss is no longer a number (the parameters are then unchanged)
     */
    default StepMetrics step(Matrix batch, StepRule rule) {
        return step(batch, batch, rule);
    }

    /**
     * Takes one step.
     *
     * @param input [rows, d_in]
     * @param target [rows, d_out], what is to be reconstructed
     */
    StepMetrics step(Matrix input, Matrix target, StepRule rule);

    /**
     * Takes a step whose numbers nobody needs, with the same result. An engine of another device need not wait for its end;
     * that its loss is no number may then be thrown by one of the calls after it, with the number of the step, and neither it
     * nor the steps behind it are taken.
     */
    default void advance(Matrix input, Matrix target, StepRule rule) {
        step(input, target, rule);
    }

    /** ‖y − ŷ‖² of each row of the last step. */
    float[] rowErrors();

    /** Where the time of all steps so far went; nothing for engines that do not measure it. */
    default StepTimes times() {
        return StepTimes.NONE;
    }

    /** For each latent the sum of its activations since the last {@link #recycle}; not to be changed. */
    double[] activity();

    /** For each latent the number of steps since it last fired; not to be changed. */
    int[] sinceFired();

    /** The parameters as they are now; not to be changed, and valid until the next step. */
    Parameters parameters();

    /** Gives latents new weights, with moments of zero and an average that begins with them, and starts a new count of {@link #activity}. */
    void recycle(List<Replacement> replacements);

    /**
     * New weights for a latent; its threshold stays.
     *
     * @param latent which
     * @param encoderRow [d_in]
     * @param decoderRow [d_out]
     * @param bEnc its bias
     */
    record Replacement(int latent, float[] encoderRow, float[] decoderRow, float bEnc) {}

    /** A copy of everything needed to go on, now or in another session. */
    TrainState snapshot();

    /** Goes on from a state; shapes must be those of this session. */
    void restore(TrainState state);

    @Override
    void close();
}
