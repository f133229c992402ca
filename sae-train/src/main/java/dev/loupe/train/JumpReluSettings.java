package dev.loupe.train;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.loupe.base.UsageException;
import dev.loupe.engine.ThresholdKernel;
import java.util.List;

/**
 * What only JumpReLU has; in settings files under {@code jumprelu}.
 *
 * @param penalty l0 (the paper's; with an L0 target its equation 13), tanh (Anthropic, January 2025) or frequency
 *     (quadratic in each latent's frequency; Google DeepMind's progress update 2)
 * @param kernel of the straight-through estimator: rectangle, triangle or epanechnikov
 * @param start where thresholds start. fixed: at {@code threshold}. measured: each where its latent fires at the rate of
 *     {@code start_l0} on the first rows, and {@code bandwidth} keeps its ratio to the thresholds. auto: measured if with the
 *     fixed start no latent would be active on most of them, as with massive activations; else fixed
 * @param startL0 measured start: so many times the L0 target (24 without one) are active at first
 * @param tanhScale c of tanh(c · f · ‖d‖)
 * @param frequencyScale ω₀ of ω(1 + ω/ω₀)
 * @param preActivation weight of Σ max(θ − π, 0)‖d‖, 0 for none (Anthropic: 3e-6)
 * @param preActivationOnDeadOnly whether that is over dead latents only (SAELens) or over all (Anthropic)
 */
public record JumpReluSettings(
        String penalty,
        String kernel,
        String start,
        @JsonProperty("start_l0") double startL0,
        @JsonProperty("tanh_scale") double tanhScale,
        @JsonProperty("frequency_scale") double frequencyScale,
        @JsonProperty("pre_activation") double preActivation,
        @JsonProperty("pre_activation_on_dead_only") boolean preActivationOnDeadOnly) {

    private static final List<String> STARTS = List.of("auto", "fixed", "measured");
    private static final List<String> PENALTIES = List.of("l0", "tanh", "frequency");

    /** The paper's. */
    static final JumpReluSettings PAPER = new JumpReluSettings("l0", "rectangle", "auto", 2, 4, 0.1, 0, false);

    /** Refuses what does not exist. */
    @SuppressWarnings({"ConstantValue", "NullAway"}) // files of earlier versions have no start
    public JumpReluSettings {
        start = start == null ? "auto" : start;
        startL0 = startL0 == 0 ? 2 : startL0;
        if (!STARTS.contains(start)) {
            throw new UsageException(
                    "There is no start \"" + start + "\" for thresholds; there are auto, fixed and measured.");
        }
        TrainConfig.need(startL0 > 0, "jumprelu.start_l0", "above 0");
        if (!PENALTIES.contains(penalty)) {
            throw new UsageException(
                    "There is no penalty \"" + penalty + "\" for JumpReLU; there are l0, tanh and frequency.");
        }
        ThresholdKernel.of(kernel);
        TrainConfig.need(tanhScale > 0, "jumprelu.tanh_scale", "above 0");
        TrainConfig.need(frequencyScale > 0, "jumprelu.frequency_scale", "above 0");
        TrainConfig.need(preActivation >= 0, "jumprelu.pre_activation", "0 or more");
    }
}
