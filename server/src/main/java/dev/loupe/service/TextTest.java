package dev.loupe.service;

import dev.loupe.feature.FeatureSummary;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What the features of an SAE do on a text that somebody typed.
 *
 * @param sae the SAE
 * @param tokens text of the tokens; joined they are the text (and BOS, where the model got one)
 * @param features active features, strongest first; or exactly those that were asked for
 */
public record TextTest(String sae, List<String> tokens, List<Row> features) {
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
