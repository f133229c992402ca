package dev.loupe.train;

import dev.loupe.engine.AdamRule;
import dev.loupe.engine.Parameters;
import dev.loupe.engine.Selection;
import dev.loupe.engine.Sparsity;
import dev.loupe.engine.StepMetrics;
import dev.loupe.engine.StepRule;
import dev.loupe.engine.ThresholdKernel;
import java.util.Map;

/**
 * JumpReLU with straight-through estimators: Rajamanoharan et al., Jumping Ahead, arXiv 2407.14435. The threshold itself is
 * trained (not its logarithm: under Adam that moves by only θ·lr per step and L0 never falls) and kept at 0 or above.
 *
 * <p>The penalty is λ(L0/L0* − 1)² where there is a target (equation 13), else λ·L0; or, by {@code jumprelu.penalty}, λ Σ
 * tanh(c·f·‖d‖) (Anthropic, circuits update of January 2025) or λ Σ ω(1 + ω/ω₀) over latents with frequency ω (Google
 * DeepMind, progress update 2); the weight of the last two follows an L0 target as in {@link Lambda}.
 */
final class JumpReluL0 implements Objective {
    private final TrainConfig config;
    private final JumpReluSettings settings;
    private final Lambda lambda;
    private double bandwidth;

    JumpReluL0(TrainConfig config) {
        this.config = config;
        this.settings = config.jumprelu();
        this.bandwidth = config.bandwidth();
        boolean steered = config.l0Target() > 0 && !settings.penalty().equals("l0");
        this.lambda = new Lambda(config, config.l0Coefficient(), steered);
    }

    @Override
    public void begin(Parameters start) {
        double unit = StartingThreshold.median(start.threshold());
        if (!settings.start().equals("fixed") && unit > 0 && unit != (float) config.threshold()) {
            bandwidth = config.bandwidth() * unit / (config.threshold() > 0 ? config.threshold() : 1);
        }
    }

    @Override
    public StepRule rule(long step, AdamRule adam) {
        double weight = lambda.at(step);
        Sparsity sparsity = switch (settings.penalty()) {
            case "tanh" -> Sparsity.tanh(weight, settings.tanhScale());
            case "frequency" -> Sparsity.frequency(weight, settings.frequencyScale());
            default -> Sparsity.l0(weight, config.l0Target());
        };
        return Objective.base(config, Selection.THRESHOLD, adam)
                .sparsity(sparsity.withPreActivation(settings.preActivation(), settings.preActivationOnDeadOnly()))
                .kernel(ThresholdKernel.of(settings.kernel()), bandwidth)
                .build();
    }

    @Override
    public void observe(long step, StepMetrics metrics) {
        lambda.observe(metrics);
    }

    @Override
    public double sparsityWeight(StepRule rule) {
        return settings.penalty().equals("tanh")
                ? rule.sparsity().tanh()
                : rule.sparsity().l0();
    }

    @Override
    public Map<String, Double> state() {
        return Map.of("lambda", lambda.value(), "bandwidth", bandwidth);
    }

    @Override
    public void restore(Map<String, Double> state) {
        lambda.restore(state.getOrDefault("lambda", lambda.value()));
        bandwidth = state.getOrDefault("bandwidth", bandwidth);
    }
}
