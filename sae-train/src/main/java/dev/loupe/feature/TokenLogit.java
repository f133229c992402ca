package dev.loupe.feature;

import tools.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * What a latent's decoder direction adds to the logit of a token, seen directly through the unembedding with the final
 * norm's gain folded in and its division by the norm left out ("logit lens"); units of logits per unit of activation,
 * up to that division.
 *
 * @param token id in the vocabulary
 * @param text readable text of the token
 * @param value the logit
 */
@JsonNaming(SnakeCaseStrategy.class)
public record TokenLogit(int token, String text, float value) {}
