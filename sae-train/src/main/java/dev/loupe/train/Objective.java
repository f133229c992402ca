package dev.loupe.train;

import dev.loupe.engine.AdamRule;
import dev.loupe.engine.StepMetrics;
import dev.loupe.engine.StepRule;
import java.util.Map;

/**
 * What a paper trains: turns the settings of a run into the plain numbers of each step, and may learn from what a step saw.
 * One class per paper.
 */
public sealed interface Objective permits ReluL1, TopKAuxK, JumpReluL0 {

    /** The objective of a run. */
    static Objective of(TrainConfig config, int dIn) {
        return switch (config.arch()) {
            case RELU -> new ReluL1(config);
            case TOPK -> new TopKAuxK(config, dIn);
            case JUMPRELU -> new JumpReluL0(config);
        };
    }

    /** The numbers of a step, counted from 0. */
    StepRule rule(long step, AdamRule adam);

    /** Learns from a step that was taken. */
    default void observe(long step, StepMetrics metrics) {}

    /** The weight of the sparsity penalty in the step's rule, for the curves. */
    double sparsityWeight(StepRule rule);

    /** What must be kept to go on after a restart, by name. */
    default Map<String, Double> state() {
        return Map.of();
    }

    /** Goes on from what {@link #state} gave. */
    default void restore(Map<String, Double> state) {}
}
