package dev.loupe.inspect;

import tools.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * Where the heads of a layer look.
 *
 * @param text the text
 * @param layer the block
 * @param heads how many heads it has
 * @param pattern {@code [head][query][key]}, keys up to the query; every row sums to 1
 */
@JsonNaming(SnakeCaseStrategy.class)
public record AttentionPattern(InspectedText text, int layer, int heads, float[][][] pattern) {}
