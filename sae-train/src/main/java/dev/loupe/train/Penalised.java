package dev.loupe.train;

import dev.loupe.engine.AdamRule;
import dev.loupe.engine.Selection;
import dev.loupe.engine.StepMetrics;
import dev.loupe.engine.StepRule;
import java.util.LinkedHashMap;
import java.util.Map;

/** An objective whose sparsity comes from a penalty with a weight λ, which may follow an L0 target ({@link Lambda}). */
abstract sealed class Penalised implements Objective permits ReluL1, PAnneal, Gated, JumpReluL0 {
    final TrainConfig config;
    final Lambda lambda;

    /** @param start of λ */
    Penalised(TrainConfig config, double start, boolean steered) {
        this.config = config;
        this.lambda = new Lambda(config, start, steered);
    }

    /** The parts of a rule that all of them share. */
    StepRule.Builder base(Selection selection, AdamRule adam) {
        return Objective.base(config, selection, adam).k(lambda.expected());
    }

    @Override
    public boolean observes() {
        return true;
    }

    @Override
    public void observe(long step, StepMetrics metrics) {
        lambda.observe(metrics);
    }

    @Override
    public double sparsityWeight(StepRule rule) {
        return rule.sparsity().l1();
    }

    @Override
    public Map<String, Double> state() {
        return new LinkedHashMap<>(lambda.state());
    }

    @Override
    public void restore(Map<String, Double> state) {
        lambda.restore(state);
    }
}
