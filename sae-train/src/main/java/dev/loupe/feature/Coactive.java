package dev.loupe.feature;

import org.jspecify.annotations.Nullable;
import tools.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * How often a latent fires on the same tokens as another one.
 *
 * @param id the other latent
 * @param label its label
 * @param rows tokens on which both fire: counted where {@code exact}, else estimated from a sample of rows
 * @param error standard error of {@code rows}; 0 where exact
 * @param share of this latent's firings on which the other one fires as well
 * @param jaccard {@code rows} over the tokens on which at least one of them fires
 * @param correlation Pearson's, of the two activations over all tokens where {@code exact}; else of the two events
 * @param cosine of the two decoder rows; null if nobody looked
 * @param exact whether this was counted on every token
 */
@JsonNaming(SnakeCaseStrategy.class)
public record Coactive(
        int id,
        String label,
        double rows,
        double error,
        double share,
        double jaccard,
        double correlation,
        @Nullable Double cosine,
        boolean exact) {}
