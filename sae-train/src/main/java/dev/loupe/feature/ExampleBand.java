package dev.loupe.feature;

import java.util.List;
import tools.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * Examples from one range of quantiles. The unit is a document in which the latent fires, its value the strongest
 * activation there; quantiles are those of a uniform random sample of all such documents.
 *
 * @param name for people: {@code "90–100 %"}, {@code "weakest"}, {@code "held out"}
 * @param from lower quantile, 0 to 1
 * @param to upper quantile, 0 to 1
 * @param low smallest value of the sample in this range
 * @param high largest value of the sample in this range
 * @param examples strongest first
 */
@JsonNaming(SnakeCaseStrategy.class)
public record ExampleBand(String name, double from, double to, float low, float high, List<Example> examples) {}
