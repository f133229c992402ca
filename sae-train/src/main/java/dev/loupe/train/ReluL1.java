package dev.loupe.train;

import dev.loupe.engine.AdamRule;
import dev.loupe.engine.StepMetrics;
import dev.loupe.engine.StepRule;
import dev.loupe.sae.Architecture;
import java.util.Map;

/**
 * ReLU with an L1 penalty on latents whose decoder rows have norm one: Bricken et al., Towards Monosemanticity (2023);
 * Cunningham et al., arXiv 2309.08600. With an L0 target, λ follows it: each step multiplies λ by exp(gain · (L0/L0* − 1)),
 * the bracket limited to ±1. λ is part of the curves and of checkpoints.
 */
final class ReluL1 implements Objective {
    /** λ can change by a factor of e to this power over a whole run, so a gain per step depends on the run's length. */
    private static final double GAIN_PER_RUN = 30;

    private final TrainConfig config;
    private final Schedule warmup;
    private double lambda;

    ReluL1(TrainConfig config) {
        this.config = config;
        this.warmup = new Schedule(config.steps(), config.sparsityWarmup(), 0);
        this.lambda = config.l1();
    }

    @Override
    public StepRule rule(long step, AdamRule adam) {
        double l1 = config.l0Target() > 0 ? lambda : lambda * warmup.at(step);
        return new StepRule(Architecture.RELU, 0, l1, 0, 0, 0, 0, 0, config.deadAfter(), adam);
    }

    @Override
    public void observe(long step, StepMetrics metrics) {
        if (config.l0Target() > 0) {
            double error = Math.clamp(metrics.l0() / config.l0Target() - 1, -1.0, 1.0);
            lambda *= Math.exp(GAIN_PER_RUN / config.steps() * error);
        }
    }

    @Override
    public double sparsityWeight(StepRule rule) {
        return rule.l1();
    }

    @Override
    public Map<String, Double> state() {
        return Map.of("lambda", lambda);
    }

    @Override
    public void restore(Map<String, Double> state) {
        Double kept = state.get("lambda");
        if (kept != null) {
            lambda = kept;
        }
    }
}
