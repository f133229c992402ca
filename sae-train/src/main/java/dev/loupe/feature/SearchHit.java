package dev.loupe.feature;

import org.jspecify.annotations.Nullable;
import tools.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * A latent found by a search.
 *
 * @param summary the latent
 * @param where what matched: {@code "id"}, {@code "label"}, {@code "token"} or {@code "text"}
 * @param score larger is better; comparable within one search only
 * @param example the matching text where {@code where} is {@code "text"}
 */
@JsonNaming(SnakeCaseStrategy.class)
public record SearchHit(
        FeatureSummary summary,
        String where,
        double score,
        @Nullable Example example) {}
