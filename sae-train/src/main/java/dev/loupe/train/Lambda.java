package dev.loupe.train;

import dev.loupe.engine.StepMetrics;

/**
 * The weight λ of a sparsity penalty. Without an L0 target it rises to its value over the warm-up. With one it follows it:
 * each step multiplies λ by exp(gain · (L0/L0* − 1)), the bracket limited to ±1, because the λ that gives an L0 depends on
 * everything else.
 */
final class Lambda {
    /** λ can change by a factor of e to this power over a whole run, so a gain per step depends on the run's length. */
    private static final double GAIN_PER_RUN = 30;

    private final TrainConfig config;
    private final Schedule warmup;
    private final boolean steered;
    private double value;

    Lambda(TrainConfig config, double start, boolean steered) {
        this.config = config;
        this.warmup = config.sparsitySchedule();
        this.steered = steered;
        this.value = start;
    }

    double at(long step) {
        return steered ? value : value * warmup.at(step);
    }

    void observe(StepMetrics metrics) {
        if (steered) {
            double error = Math.clamp(metrics.l0() / config.l0Target() - 1, -1.0, 1.0);
            value *= Math.exp(GAIN_PER_RUN / config.steps() * error);
        }
    }

    void multiply(double factor) {
        value *= factor;
    }

    double value() {
        return value;
    }

    void restore(double kept) {
        value = kept;
    }
}
