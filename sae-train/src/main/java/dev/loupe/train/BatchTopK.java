package dev.loupe.train;

import dev.loupe.engine.AdamRule;
import dev.loupe.engine.Parameters;
import dev.loupe.engine.Selection;
import dev.loupe.engine.StepMetrics;
import dev.loupe.engine.StepRule;
import dev.loupe.sae.SaeWeights;
import java.util.Map;

/**
 * BatchTopK: Bussmann, Leask, Nanda, arXiv 2412.06410. The k · rows largest pre-activations of a batch, rectified, so that a
 * row may have more or fewer than k; AuxK as in {@link TopKAuxK}. The finished SAE has one threshold for all latents.
 */
sealed class BatchTopK implements Objective permits MatryoshkaBatchTopK {
    private final TrainConfig config;
    private final int dIn;
    private final InferenceThreshold threshold;

    BatchTopK(TrainConfig config, int dIn) {
        this.config = config;
        this.dIn = dIn;
        this.threshold = new InferenceThreshold(config.thresholdDecay(), config.steps());
    }

    @Override
    public StepRule.Builder rule(long step, AdamRule adam) {
        return Objective.aux(Objective.base(config, Selection.BATCH_TOPK, adam), config, dIn)
                .k(config.k());
    }

    @Override
    public boolean observes() {
        return true;
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
