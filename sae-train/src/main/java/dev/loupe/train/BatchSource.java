package dev.loupe.train;

import dev.loupe.math.Matrix;
import java.util.List;

/**
 * Training rows in a fixed order: the batch of a step depends on the data seed and the step only, so that every SAE of a
 * comparison sees the same rows at the same step and a resumed run goes on where it stopped.
 */
public interface BatchSource extends AutoCloseable {

    /** Floats per row. */
    int width();

    /** Where each of several places ends in a row; empty for one place. */
    default List<Integer> ends() {
        return List.of();
    }

    /** The batch of a step, counted from 0: [batch, width]. */
    void batch(long step, Matrix target);

    /**
     * The batch of a step in memory of the source, [batch, width], to read and change until the next call; or in the given
     * buffer. Sources that gather ahead are fastest when asked for consecutive steps.
     */
    default Matrix rows(long step, Matrix buffer) {
        batch(step, buffer);
        return buffer;
    }

    /** Mean of the training rows. */
    float[] mean();

    /** E‖x‖² over the training rows. */
    double meanSquaredNorm();

    /** E‖x‖ over the training rows. */
    double meanNorm();

    /** Checksum of the rows and the rule of their order; a checkpoint belongs to one. */
    String fingerprint();

    @Override
    void close();
}
