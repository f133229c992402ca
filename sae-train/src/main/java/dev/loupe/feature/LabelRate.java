package dev.loupe.feature;

import tools.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * How often a latent fires in documents of one label.
 *
 * @param label the documents' label (a language code in the demo)
 * @param tokens tokens of such documents
 * @param fired tokens of them on which it is active
 * @param rate {@code fired / tokens}, 0 if there are no tokens
 * @param share of all its firings
 * @param heldOutTokens tokens of held-out documents of this label
 * @param heldOutFired tokens of them on which it is active
 * @param heldOutRate {@code heldOutFired / heldOutTokens}, 0 if there are no tokens
 */
@JsonNaming(SnakeCaseStrategy.class)
public record LabelRate(
        String label,
        long tokens,
        long fired,
        double rate,
        double share,
        long heldOutTokens,
        long heldOutFired,
        double heldOutRate) {}
