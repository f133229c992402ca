package dev.loupe.feature;

import tools.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * How often a latent fires on one token of the vocabulary.
 *
 * @param token id in the vocabulary
 * @param text readable text of the token
 * @param fired times it fires on it
 * @param share of the sum of its activations
 * @param rate share of this token's occurrences on which it fires
 * @param mean mean activation there, where active
 */
@JsonNaming(SnakeCaseStrategy.class)
public record TokenRate(int token, String text, long fired, double share, double rate, float mean) {}
