package dev.loupe.train;

import dev.loupe.engine.Parameters;
import dev.loupe.engine.StepMetrics;
import dev.loupe.sae.SaeWeights;
import java.util.Arrays;
import java.util.Map;

/**
 * The threshold with which an SAE that was trained on whole batches is used on single rows: a running average of the
 * smallest activation that each batch kept (arXiv 2412.06410, section 3), corrected for its start at zero as Adam's moments
 * are, so that it means the same after any number of steps.
 */
final class InferenceThreshold {
    private final double decay;
    private double sum;
    private double weight;

    /** The average looks back over a twentieth of the run at most: activations grow while a decoder does. */
    InferenceThreshold(double decay, long steps) {
        this.decay = Math.min(decay, Math.max(0, 1 - 20.0 / steps));
    }

    void observe(StepMetrics metrics) {
        if (metrics.smallest() > 0) {
            sum = decay * sum + (1 - decay) * metrics.smallest();
            weight = decay * weight + (1 - decay);
        }
    }

    double value() {
        return weight > 0 ? sum / weight : 0;
    }

    /** The SAE with this threshold for every latent. */
    SaeWeights finish(Parameters p) {
        float[] theta = new float[p.dSae()];
        Arrays.fill(theta, (float) value());
        return new SaeWeights(p.encoderRows(), p.decoderRows(), p.bEnc(), p.bDec(), theta, p.skip());
    }

    Map<String, Double> state() {
        return Map.of("threshold_sum", sum, "threshold_weight", weight);
    }

    void restore(Map<String, Double> state) {
        sum = state.getOrDefault("threshold_sum", 0.0);
        weight = state.getOrDefault("threshold_weight", 0.0);
    }
}
