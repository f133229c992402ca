package dev.loupe.patch.task;

import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * How a model does a task, on held-out templates.
 *
 * @param name the task
 * @param title its title
 * @param about what it asks for
 * @param pairs pairs that are aligned and whose answers are single tokens for the model's tokenizer
 * @param accuracy share of prompts (of mirrored tasks also the corrupted ones) after which the right answer has the
 *     larger logit; of sets, the larger mean logit
 * @param meanDifference mean difference of logits, right less wrong
 * @param usable whether results mean something: at least 50 pairs, accuracy at least 0.8, mean difference at least 1
 * @param reason why not, in words; empty if usable
 * @param example a clean prompt of the task with its answer
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
public record TaskScore(
        String name,
        String title,
        String about,
        int pairs,
        double accuracy,
        double meanDifference,
        boolean usable,
        String reason,
        String example) {
    /** Pairs that a judgement needs. */
    public static final int ENOUGH = 50;

    /** Accuracy from which a task counts as solved. */
    public static final double ACCURACY = 0.8;

    /** Mean logit difference from which a task counts as solved. */
    public static final double DIFFERENCE = 1;
}
