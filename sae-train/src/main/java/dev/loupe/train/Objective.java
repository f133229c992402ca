package dev.loupe.train;

import dev.loupe.engine.AdamRule;
import dev.loupe.engine.Parameters;
import dev.loupe.engine.Selection;
import dev.loupe.engine.StepMetrics;
import dev.loupe.engine.StepRule;
import dev.loupe.sae.SaeWeights;
import java.util.Map;

/**
 * What a paper trains: turns the settings of a run into the plain numbers of each step, and may learn from what a step saw.
 * One class per paper.
 */
public sealed interface Objective permits Penalised, TopKAuxK, BatchTopK {

    /** The objective of a run. */
    static Objective of(TrainConfig config, int dIn) {
        return switch (config.method()) {
            case RELU -> new ReluL1(config);
            case PANNEAL -> new PAnneal(config);
            case TOPK -> new TopKAuxK(config, dIn);
            case BATCHTOPK -> new BatchTopK(config, dIn);
            case MATRYOSHKA -> new MatryoshkaBatchTopK(config, dIn);
            case JUMPRELU -> new JumpReluL0(config, dIn);
            case GATED -> new Gated(config);
        };
    }

    /** The parts of a rule that all methods share. */
    static StepRule.Builder base(TrainConfig c, Selection selection, AdamRule adam) {
        return StepRule.of(selection, adam)
                .deadAfter(c.deadAfter())
                .subtractBias(c.applyBDecToInput())
                .unitDecoder(c.unitDecoder())
                .clip(c.clip())
                .average(c.average());
    }

    /** The auxiliary loss of a run: dead latents per row are d_in / 2 where nothing else is said. */
    static StepRule.Builder aux(StepRule.Builder rule, TrainConfig c, int dIn) {
        return rule.aux(c.aux(), c.auxK() > 0 ? c.auxK() : Math.max(1, dIn / 2));
    }

    /** Looks at the weights before the first step of a run that begins. */
    default void begin(Parameters start) {}

    /** The numbers of a step, counted from 0; where there are several places, the run adds them. */
    StepRule.Builder rule(long step, AdamRule adam);

    /** Whether {@link #observe} must hear of each step; otherwise their numbers are read where a curve has a point. */
    default boolean observes() {
        return false;
    }

    /** Learns from a step that was taken. */
    default void observe(long step, StepMetrics metrics) {}

    /** The weight of the sparsity penalty in the step's rule, for the curves. */
    double sparsityWeight(StepRule rule);

    /** The finished SAE, still in training units. */
    default SaeWeights finish(Parameters p) {
        return new SaeWeights(p.encoderRows(), p.decoderRows(), p.bEnc(), p.bDec(), p.threshold(), p.skip());
    }

    /** What must be kept to go on after a restart, by name. */
    default Map<String, Double> state() {
        return Map.of();
    }

    /** Goes on from what {@link #state} gave. */
    default void restore(Map<String, Double> state) {}
}
