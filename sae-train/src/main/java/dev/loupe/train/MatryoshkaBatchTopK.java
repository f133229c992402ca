package dev.loupe.train;

import dev.loupe.engine.AdamRule;
import dev.loupe.engine.Parameters;
import dev.loupe.engine.Selection;
import dev.loupe.engine.StepMetrics;
import dev.loupe.engine.StepRule;
import dev.loupe.sae.SaeWeights;
import java.util.List;
import java.util.Map;

/**
 * Matryoshka BatchTopK: Bussmann, Nabeshima, Karvonen, Nanda, arXiv 2503.17547. Latents are chosen over the whole batch as
 * in {@link BatchTopK}; each nested prefix of the latents must reconstruct x by itself, and the loss is the mean (or sum)
 * of the prefixes' errors. The auxiliary loss is on the residual of all latents.
 */
final class MatryoshkaBatchTopK implements Objective {
    private final TrainConfig config;
    private final int dIn;
    private final List<Integer> ends;
    private final InferenceThreshold threshold;

    MatryoshkaBatchTopK(TrainConfig config, int dIn) {
        this.config = config;
        this.dIn = dIn;
        this.ends = config.matryoshka().ends(config.dSae());
        this.threshold = new InferenceThreshold(config.thresholdDecay(), config.steps());
    }

    @Override
    public StepRule rule(long step, AdamRule adam) {
        double weight = config.matryoshka().weights().equals("mean") ? 1.0 / ends.size() : 1;
        return Objective.aux(Objective.base(config, Selection.BATCH_TOPK, adam), config, dIn)
                .k(config.k())
                .prefixes(ends, weight)
                .build();
    }

    @Override
    public void observe(long step, StepMetrics metrics) {
        threshold.observe(metrics);
    }

    @Override
    public double sparsityWeight(StepRule rule) {
        return rule.aux();
    }

    @Override
    public SaeWeights finish(Parameters p) {
        return threshold.finish(p);
    }

    @Override
    public Map<String, Double> state() {
        return threshold.state();
    }

    @Override
    public void restore(Map<String, Double> state) {
        threshold.restore(state);
    }
}
