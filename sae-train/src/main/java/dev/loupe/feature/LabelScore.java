package dev.loupe.feature;

import org.jspecify.annotations.Nullable;
import tools.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * How well a label's rule ("fires exactly on these tokens") predicts where the latent fires, counted on the tokens of
 * held-out documents; the rule was chosen on the others.
 *
 * @param trainShare share of the sum of activations on training documents that the rule covers
 * @param coverage share of the sum of activations on held-out documents that the rule covers: what the label quotes
 * @param recall share of held-out firings that the rule covers
 * @param precision share of held-out tokens under the rule on which the latent fires; null if there is no such token
 * @param balancedAccuracy mean of recall and of the share of the other tokens that the rule leaves alone
 * @param firings held-out tokens on which the latent fires
 * @param tokens held-out tokens
 */
@JsonNaming(SnakeCaseStrategy.class)
public record LabelScore(
        double trainShare,
        double coverage,
        double recall,
        @Nullable Double precision,
        double balancedAccuracy,
        long firings,
        long tokens) {}
