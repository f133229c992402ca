package dev.loupe.train;

import dev.loupe.engine.AdamRule;
import dev.loupe.engine.StepRule;
import dev.loupe.sae.Architecture;

/**
 * JumpReLU with an L0 penalty through straight-through estimators: Rajamanoharan et al., Jumping Ahead, arXiv 2407.14435.
 * The threshold itself is trained (not its logarithm: under Adam that moves by only θ·lr per step and L0 never falls) and
 * kept at 0 or above. With a target the penalty is λ(L0/L0* − 1)² (equation 13), else λ·L0.
 */
record JumpReluL0(TrainConfig config, Schedule warmup) implements Objective {

    JumpReluL0(TrainConfig config) {
        this(config, new Schedule(config.steps(), config.sparsityWarmup(), 0));
    }

    @Override
    public StepRule rule(long step, AdamRule adam) {
        return new StepRule(
                Architecture.JUMPRELU,
                0,
                0,
                config.l0Coefficient() * warmup.at(step),
                config.l0Target(),
                config.bandwidth(),
                0,
                0,
                config.deadAfter(),
                adam);
    }

    @Override
    public double sparsityWeight(StepRule rule) {
        return rule.l0();
    }
}
