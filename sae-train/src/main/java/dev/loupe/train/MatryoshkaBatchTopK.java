package dev.loupe.train;

import dev.loupe.engine.AdamRule;
import dev.loupe.engine.StepRule;
import java.util.List;

/**
 * Matryoshka BatchTopK: Bussmann, Nabeshima, Karvonen, Nanda, arXiv 2503.17547. Latents are chosen over the whole batch as
 * in {@link BatchTopK}; each nested prefix of the latents must reconstruct x by itself, and the loss is the mean (or sum)
 * of the prefixes' errors. The auxiliary loss is on the residual of all latents.
 */
final class MatryoshkaBatchTopK extends BatchTopK {
    private final List<Integer> ends;
    private final double weight;

    MatryoshkaBatchTopK(TrainConfig config, int dIn) {
        super(config, dIn);
        this.ends = config.matryoshka().ends(config.dSae());
        this.weight = config.matryoshka().weights().equals("mean") ? 1.0 / ends.size() : 1;
    }

    @Override
    public StepRule.Builder rule(long step, AdamRule adam) {
        return super.rule(step, adam).prefixes(ends, weight);
    }
}
