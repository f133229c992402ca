package dev.loupe.feature;

import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * What a latent depends on beside the current token.
 *
 * @param tokenR2 held-out share of its variance that the current token alone predicts; null where it is constant on
 *     held-out tokens
 * @param labelEntropy entropy in nats of its firing rates by document label, normalised to sum 1; null where fewer than
 *     two labels have tokens
 * @param labels document labels that have at least 2 % of its firings (doubtful ones left out)
 * @param distinctTokens different tokens it fires on
 * @param firstPositions share of its firings at the positions 0 to {@value #FIRST}
 * @param positions its rate by position
 */
@JsonNaming(SnakeCaseStrategy.class)
public record FeatureContext(
        @Nullable Double tokenR2,
        @Nullable Double labelEntropy,
        int labels,
        int distinctTokens,
        double firstPositions,
        List<PositionRate> positions) {
    /** The last of the first positions. */
    static final int FIRST = 4;

    /** Of a latent that never fired, or of an index that was built before contexts were kept. */
    static final FeatureContext UNKNOWN = new FeatureContext(null, null, 0, 0, 0, List.of());
}
