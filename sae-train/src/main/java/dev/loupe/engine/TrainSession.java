package dev.loupe.engine;

import dev.loupe.math.Matrix;

/**
 * One SAE in training: owns parameters and moments and takes whole steps. Not for use by several threads at once; it uses
 * all cores by itself. The encoder sees x − b_dec.
 */
public interface TrainSession extends AutoCloseable {

    /**
     * Takes one step.
     *
     * @param batch [rows, d_in], already in training units; not changed
     * @throws dev.loupe.base.LoupeException if the loss is no longer a number (the parameters are then useless)
     */
    StepMetrics step(Matrix batch, StepRule rule);

    /** A copy of everything needed to go on, now or in another session. */
    TrainState snapshot();

    /** Goes on from a state; shapes must be those of this session. */
    void restore(TrainState state);

    @Override
    void close();
}
