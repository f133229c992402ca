package dev.loupe.inspect;

import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * The logit lens (nostalgebraist, 2020) over a whole text: the residual stream in front of the first block and behind
 * every block, read as if it were the last one.
 *
 * @param text the text
 * @param chosen the token whose rank is shown; null for the text's own next token at every position
 * @param layers hook points, in the order of the pass
 * @param norm how the values were normalised
 * @param cells by layer and position
 */
@JsonNaming(SnakeCaseStrategy.class)
public record LensGrid(
        InspectedText text, @Nullable TokenScore chosen, List<String> layers, String norm, List<List<LensCell>> cells) {
    /** What {@code norm} says. */
    static final String NORM =
            "the model's last norm with its division, gain and bias, then unembedding, bias and soft cap";
}
