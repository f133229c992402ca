package dev.loupe.inspect;

/**
 * What one part of a model adds to a logit, the last norm's division taken as it came out.
 *
 * @param kind {@code embedding}, {@code attention}, {@code mlp}, {@code bias}; {@code head}; {@code latent}, {@code sae
 *     bias}, {@code sae error}
 * @param layer the block; -1 for none
 * @param index head or latent; -1 for none
 * @param name for people: {@code "L3 attention"}, {@code "L3 head 2"}
 * @param value units of the logit
 */
public record LogitPart(String kind, int layer, int index, String name, double value) {}
