package dev.loupe.graph;

import java.util.List;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * What changing nodes does to the model's answer.
 *
 * @param metric the explained number, in words
 * @param before its value in the ordinary run
 * @param after its value with the changes, everything behind them computed anew
 * @param predicted the change that the graph predicts, edges that were cut off left out
 * @param tokens the most probable tokens before or after, most probable before first
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
public record InterventionResult(
        String metric, double before, double after, double predicted, List<TokenChange> tokens) {
    /**
     * A token's probability.
     *
     * @param token its id
     * @param text its text
     * @param before probability in the ordinary run
     * @param after probability with the changes
     */
    public record TokenChange(int token, String text, double before, double after) {}
}
