package dev.loupe.train;

import dev.loupe.engine.AdamRule;
import dev.loupe.engine.Selection;
import dev.loupe.engine.Sparsity;
import dev.loupe.engine.StepMetrics;
import dev.loupe.engine.StepRule;
import java.util.Map;

/**
 * ReLU with the penalty λ Σ f_i ‖d_i‖. With unit decoder rows that is the L1 norm: Bricken et al., Towards Monosemanticity
 * (2023); Cunningham et al., arXiv 2309.08600. With a free decoder it is Anthropic's update of April 2024. With an L0
 * target, λ follows it. λ is part of the curves and of checkpoints.
 */
final class ReluL1 implements Objective {
    private final TrainConfig config;
    private final Lambda lambda;

    ReluL1(TrainConfig config) {
        this.config = config;
        this.lambda = new Lambda(config, config.l1(), config.l0Target() > 0);
    }

    @Override
    public StepRule rule(long step, AdamRule adam) {
        return Objective.base(config, Selection.POSITIVE, adam)
                .sparsity(Sparsity.l1(lambda.at(step)))
                .build();
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
        return Map.of("lambda", lambda.value());
    }

    @Override
    public void restore(Map<String, Double> state) {
        lambda.restore(state.getOrDefault("lambda", lambda.value()));
    }
}
