package dev.loupe.feature;

import tools.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * Activations of one latent where it is active, in log-spaced bins: every power of two is cut into eight.
 *
 * @param edges bin i holds values v with {@code edges[i] <= v < edges[i + 1]}; one more than counts; empty if dead
 * @param counts tokens per bin; first and last bin are not empty
 * @param tokens tokens looked at, active or not
 */
@JsonNaming(SnakeCaseStrategy.class)
public record Histogram(double[] edges, long[] counts, long tokens) {}
