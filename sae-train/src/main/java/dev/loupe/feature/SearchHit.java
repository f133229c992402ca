package dev.loupe.feature;

import org.jspecify.annotations.Nullable;
import tools.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * A latent found by a search.
 *
 * @param summary the latent
 * @param where what matched: {@code "id"}, {@code "label"}, {@code "token"}, {@code "rule"}, {@code "logit"},
 *     {@code "text"}, {@code "regex"} or {@code "explanation"}
 * @param score larger is better; comparable within one search only
 * @param example an example with the words near its peak, if there is one
 */
@JsonNaming(SnakeCaseStrategy.class)
public record SearchHit(
        FeatureSummary summary,
        String where,
        double score,
        @Nullable Example example) {}
