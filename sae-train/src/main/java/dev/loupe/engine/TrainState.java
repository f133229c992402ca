package dev.loupe.engine;

import dev.loupe.math.Matrix;
import dev.loupe.sae.SaeWeights;
import java.lang.foreign.Arena;

/**
 * Everything that a session needs to go on: parameters, Adam's two moments in the same shapes, for each latent the number
 * of steps since it last fired, and the number of steps taken.
 */
public record TrainState(SaeWeights parameters, SaeWeights m, SaeWeights v, int[] sinceFired, long step) {

    /** The state before the first step: moments are zero, every latent counts as having just fired. */
    public static TrainState initial(SaeWeights parameters) {
        return new TrainState(parameters, zeros(parameters), zeros(parameters), new int[parameters.dSae()], 0);
    }

    /** A copy that shares no memory with this. */
    public TrainState copy() {
        return new TrainState(copy(parameters), copy(m), copy(v), sinceFired.clone(), step);
    }

    private static SaeWeights zeros(SaeWeights w) {
        return new SaeWeights(
                Matrix.allocate(Arena.ofAuto(), w.dSae(), w.dIn()),
                Matrix.allocate(Arena.ofAuto(), w.dSae(), w.decoderRows().cols()),
                new float[w.bEnc().length],
                new float[w.bDec().length],
                new float[w.threshold().length]);
    }

    private static SaeWeights copy(SaeWeights w) {
        SaeWeights c = zeros(w);
        c.encoderRows().copyFrom(w.encoderRows());
        c.decoderRows().copyFrom(w.decoderRows());
        System.arraycopy(w.bEnc(), 0, c.bEnc(), 0, w.bEnc().length);
        System.arraycopy(w.bDec(), 0, c.bDec(), 0, w.bDec().length);
        System.arraycopy(w.threshold(), 0, c.threshold(), 0, w.threshold().length);
        return c;
    }
}
