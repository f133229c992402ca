package dev.loupe.train;

import dev.loupe.base.LoupeException;
import dev.loupe.engine.Parameters;
import dev.loupe.engine.TrainState;
import dev.loupe.math.Matrix;
import dev.loupe.math.VectorOps;
import java.util.List;

/** Finds out why the loss is no longer a number: which tensor holds a NaN or an infinity first, and where. */
final class Divergence {
    private static final List<String> VECTORS = List.of("b_enc", "b_dec", "threshold", "b_mag", "r_mag");

    private Divergence() {}

    /**
     * A sentence with the step, the offending tensor and what is left to go on from.
     *
     * @param step counted from 1
     * @param kept the step of the last checkpoint; 0 for none
     */
    static LoupeException explain(long step, Matrix batch, Matrix target, TrainState state, long kept, String file) {
        return sentence(step, find(batch, target, state), kept, file);
    }

    /** The same of a step whose rows are not at hand any more. */
    static LoupeException explainLate(long step, TrainState state, long kept, String file) {
        String found = find(state);
        return sentence(
                step,
                found.isEmpty()
                        ? "all weights are finite, so a row of its batch holds NaN or infinity (see loupe store verify), or"
                                + " products overflowed"
                        : found,
                kept,
                file);
    }

    private static LoupeException sentence(long step, String where, long kept, String file) {
        String cure = where.startsWith("row")
                ? "check the activations with loupe store verify, or capture them again"
                : "use a smaller learning rate, or clip the gradient (clip=1)";
        return new LoupeException("Training diverged: the loss of step " + step + " is no longer a number; " + where
                + ". The step was not taken; "
                + (kept > 0
                        ? "the checkpoint of step " + kept + " is kept (" + file + ")"
                        : "there is no checkpoint yet")
                + ": " + cure + ".");
    }

    private static String find(Matrix batch, Matrix target, TrainState state) {
        long row = firstBadRow(batch);
        if (row >= 0) {
            return "row " + row + " of the input batch holds NaN or infinity";
        }
        row = batch == target ? -1 : firstBadRow(target);
        if (row >= 0) {
            return "row " + row + " of the target batch holds NaN or infinity";
        }
        String found = find(state);
        return found.isEmpty() ? "all weights are finite, so their products overflowed" : found;
    }

    private static String find(TrainState state) {
        String found = find(state.parameters(), "");
        found = found.isEmpty() ? find(state.m(), "Adam's first moment of ") : found;
        return found.isEmpty() ? find(state.v(), "Adam's second moment of ") : found;
    }

    private static String find(Parameters p, String prefix) {
        long latent = firstBadRow(p.encoderRows());
        if (latent >= 0) {
            return prefix + "W_enc holds NaN or infinity at latent " + latent;
        }
        latent = firstBadRow(p.decoderRows());
        if (latent >= 0) {
            return prefix + "W_dec holds NaN or infinity at latent " + latent;
        }
        for (int v = 0; v < VECTORS.size(); v++) {
            float[] values = p.vectors().get(v);
            for (int i = 0; i < values.length; i++) {
                if (!Float.isFinite(values[i])) {
                    return prefix + VECTORS.get(v) + " holds NaN or infinity at " + i;
                }
            }
        }
        return firstBadRow(p.skip()) >= 0 ? prefix + "W_skip holds NaN or infinity" : "";
    }

    private static long firstBadRow(Matrix m) {
        for (long r = 0; r < m.rows(); r++) {
            if (!Float.isFinite(VectorOps.sumSquares(m.segment(), m.offset(r), m.cols()))) {
                return r;
            }
        }
        return -1;
    }
}
