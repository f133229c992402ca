package dev.loupe.train;

import dev.loupe.engine.AdamRule;
import dev.loupe.engine.Selection;
import dev.loupe.engine.Sparsity;
import dev.loupe.engine.StepRule;

/**
 * ReLU with the penalty λ Σ f_i ‖d_i‖. With unit decoder rows that is the L1 norm: Bricken et al., Towards Monosemanticity
 * (2023); Cunningham et al., arXiv 2309.08600. With a free decoder it is Anthropic's update of April 2024. With an L0
 * target, λ follows it. λ is part of the curves and of checkpoints.
 */
final class ReluL1 extends Penalised {
    ReluL1(TrainConfig config) {
        super(config, config.l1(), config.l0Target() > 0);
    }

    @Override
    public StepRule.Builder rule(long step, AdamRule adam) {
        return base(Selection.POSITIVE, adam).sparsity(Sparsity.l1(lambda.at(step)));
    }
}
