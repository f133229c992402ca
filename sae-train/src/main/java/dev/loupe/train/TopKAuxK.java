package dev.loupe.train;

import dev.loupe.engine.AdamRule;
import dev.loupe.engine.Selection;
import dev.loupe.engine.StepRule;

/**
 * TopK with the auxiliary loss on dead latents: Gao et al., Scaling and evaluating sparse autoencoders, arXiv 2406.04093.
 * The k largest pre-activations, rectified, reconstruct x; the loss is the squared error plus α times the error that the
 * auxK best dead latents leave of the residual, relative to the residual and in units of the input's energy. Their values
 * are not rectified, so that every chosen dead latent receives a gradient; the residual is held constant; b_dec takes no
 * part in the auxiliary reconstruction. With {@code topk.selection = statistical} about k are chosen by a threshold
 * ({@link Selection#STATISTICAL}), in the finished SAE, too.
 */
record TopKAuxK(TrainConfig config, int dIn) implements Objective {

    @Override
    public StepRule.Builder rule(long step, AdamRule adam) {
        return Objective.aux(Objective.base(config, selection(), adam), config, dIn)
                .k(config.k());
    }

    private Selection selection() {
        return config.topk().statistical() ? Selection.STATISTICAL : Selection.TOPK;
    }

    @Override
    public double sparsityWeight(StepRule rule) {
        return rule.aux();
    }
}
