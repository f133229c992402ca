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
 * @param tanhScale c of tanh(c · f · ‖d‖)
 * @param frequencyScale ω₀ of ω(1 + ω/ω₀)
 * @param preActivation weight of Σ max(θ − π, 0)‖d‖, 0 for none (Anthropic: 3e-6)
 * @param preActivationOnDeadOnly whether that is over dead latents only (SAELens) or over all (Anthropic)
 */
public record JumpReluSettings(
        String penalty,
        String kernel,
        @JsonProperty("tanh_scale") double tanhScale,
        @JsonProperty("frequency_scale") double frequencyScale,
        @JsonProperty("pre_activation") double preActivation,
        @JsonProperty("pre_activation_on_dead_only") boolean preActivationOnDeadOnly) {

    private static final List<String> PENALTIES = List.of("l0", "tanh", "frequency");

    /** The paper's. */
    static final JumpReluSettings PAPER = new JumpReluSettings("l0", "rectangle", 4, 0.1, 0, false);

    /** Refuses what does not exist. */
    public JumpReluSettings {
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
