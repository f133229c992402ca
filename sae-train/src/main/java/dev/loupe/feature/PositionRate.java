package dev.loupe.feature;

import tools.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * How often a latent fires in a band of positions, counted from the start of what the model saw.
 *
 * @param first first position of the band
 * @param last last position of the band
 * @param tokens tokens of the store there
 * @param fired those on which the latent is active
 */
@JsonNaming(SnakeCaseStrategy.class)
public record PositionRate(int first, int last, long tokens, long fired) {
    /** Share of the tokens there on which the latent is active. */
    public double rate() {
        return tokens == 0 ? 0 : (double) fired / tokens;
    }
}
