package dev.loupe.train;

import dev.loupe.engine.StepMetrics;
import java.util.Map;

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
    private double l0;

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
        l0 = metrics.l0();
        if (steered) {
            double error = Math.clamp(metrics.l0() / config.l0Target() - 1, -1.0, 1.0);
            value *= Math.exp(GAIN_PER_RUN / config.steps() * error);
        }
    }

    void multiply(double factor) {
        value *= factor;
    }

    /** Active latents per row at the last step, 0 before the first: what the next one is likely to have. */
    int expected() {
        return (int) Math.ceil(l0);
    }

    /** What must be kept to go on. */
    Map<String, Double> state() {
        return Map.of("lambda", value, "l0", l0);
    }

    void restore(Map<String, Double> state) {
        value = state.getOrDefault("lambda", value);
        l0 = state.getOrDefault("l0", 0.0);
    }
}
