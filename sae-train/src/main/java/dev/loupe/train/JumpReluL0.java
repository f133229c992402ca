package dev.loupe.train;

import dev.loupe.engine.AdamRule;
import dev.loupe.engine.Parameters;
import dev.loupe.engine.Selection;
import dev.loupe.engine.Sparsity;
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
 *
 * <p>Latents that fire on nothing near their threshold receive no gradient, so rare features stay without one. The auxiliary
 * loss of {@link TopKAuxK} gives the dead ones something to do; the paper has none.
 */
final class JumpReluL0 extends Penalised {
    private final JumpReluSettings settings;
    private final int dIn;
    private double bandwidth;

    JumpReluL0(TrainConfig config, int dIn) {
        super(
                config,
                config.l0Coefficient(),
                config.l0Target() > 0 && !config.jumprelu().penalty().equals("l0"));
        this.dIn = dIn;
        this.settings = config.jumprelu();
        this.bandwidth = config.bandwidth();
    }

    @Override
    public void begin(Parameters start) {
        double unit = StartingThreshold.median(start.threshold());
        if (!settings.start().equals("fixed") && unit > 0 && unit != (float) config.threshold()) {
            bandwidth = config.bandwidth() * unit / (config.threshold() > 0 ? config.threshold() : 1);
        }
    }

    @Override
    public StepRule.Builder rule(long step, AdamRule adam) {
        double weight = lambda.at(step);
        Sparsity sparsity = switch (settings.penalty()) {
            case "tanh" -> Sparsity.tanh(weight, settings.tanhScale());
            case "frequency" -> Sparsity.frequency(weight, settings.frequencyScale());
            default -> Sparsity.l0(weight, config.l0Target());
        };
        return Objective.aux(base(Selection.THRESHOLD, adam), config, dIn)
                .sparsity(sparsity.withPreActivation(settings.preActivation(), settings.preActivationOnDeadOnly()))
                .kernel(ThresholdKernel.of(settings.kernel()), bandwidth);
    }

    @Override
    public double sparsityWeight(StepRule rule) {
        return settings.penalty().equals("tanh")
                ? rule.sparsity().tanh()
                : rule.sparsity().l0();
    }

    @Override
    public Map<String, Double> state() {
        Map<String, Double> state = super.state();
        state.put("bandwidth", bandwidth);
        return state;
    }

    @Override
    public void restore(Map<String, Double> state) {
        super.restore(state);
        bandwidth = state.getOrDefault("bandwidth", bandwidth);
    }
}
