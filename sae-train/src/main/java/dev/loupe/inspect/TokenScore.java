package dev.loupe.inspect;

/**
 * A token that a model may predict.
 *
 * @param token its id
 * @param text its readable text
 * @param logit its logit
 * @param probability its probability
 */
public record TokenScore(int token, String text, float logit, float probability) {}
