package dev.loupe.engine.cuda;

/**
 * Guesses, from the last steps, a bound below the smallest pre-activation that BATCH_TOPK keeps. What a step does depends
 * on no guess: one that was too high is halved and the step made again, one that is low costs memory traffic alone.
 */
final class BoundGuess {
    private static final float STEADY = 0.97f;
    private static final float UNSTEADY = 0.7f;

    private float slack = UNSTEADY;
    private float last = -1;

    /** The bound of the next step; below 0 where nothing is known. */
    float bound() {
        return last < 0 ? -1 : last * slack;
    }

    /** A lower one, where this was too high. */
    float lower(float bound) {
        return bound > 1e-6f * Math.max(last, 0) ? bound / 2 : 0;
    }

    /** Learns the smallest that a step kept. */
    void learn(float limit) {
        float change = last > 0 && Float.isFinite(limit) ? Math.abs(limit / last - 1) : 1;
        slack = Math.max(UNSTEADY, STEADY - 2 * change);
        last = Float.isFinite(limit) ? limit : -1;
    }
}
