package dev.loupe.service;

import dev.loupe.feature.FeatureSummary;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * What the features of an SAE do on a text that somebody typed.
 *
 * @param sae the SAE
 * @param tokens text of the tokens; joined they are the text (and BOS, where the model got one)
 * @param cutTokens tokens at the end that were left out, because the text is longer than what the SAE was trained on
 * @param cutText the text of those
 * @param features active features, strongest first; or exactly those that were asked for
 */
@JsonNaming(SnakeCaseStrategy.class)
public record TextTest(String sae, List<String> tokens, int cutTokens, String cutText, List<Row> features) {
    /**
     * A feature on the text.
     *
     * @param id the latent
     * @param summary what its index says; null without one
     * @param max its strongest activation on the text
     * @param values its activation on every token
     */
    public record Row(int id, @Nullable FeatureSummary summary, float max, float[] values) {}
}
