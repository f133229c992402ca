package dev.loupe.engine;

import java.lang.foreign.Arena;
import org.jspecify.annotations.Nullable;

/**
 * Everything that a session needs to go on.
 *
 * @param parameters the weights
 * @param m Adam's first moments, in the same shapes
 * @param v Adam's second moments
 * @param average running average of the weights, null without one
 * @param sinceFired for each latent the number of steps since it last fired
 * @param activity for each latent the sum of its activations since the last {@link TrainSession#recycle}
 * @param step the number of steps taken
 */
public record TrainState(
        Parameters parameters,
        Parameters m,
        Parameters v,
        @Nullable Parameters average,
        int[] sinceFired,
        double[] activity,
        long step) {

    /** The state before the first step: moments are zero, every latent counts as having just fired. */
    public static TrainState initial(Parameters parameters) {
        return new TrainState(
                parameters,
                parameters.zeros(Arena.ofAuto()),
                parameters.zeros(Arena.ofAuto()),
                null,
                new int[parameters.dSae()],
                new double[parameters.dSae()],
                0);
    }

    /** A copy that shares no memory with this. */
    public TrainState copy() {
        return new TrainState(
                parameters.copy(),
                m.copy(),
                v.copy(),
                average == null ? null : average.copy(),
                sinceFired.clone(),
                activity.clone(),
                step);
    }

    /** The weights to keep: their running average where there is one. */
    public Parameters result() {
        return average == null ? parameters : average;
    }
}
