package dev.loupe.service;

import dev.loupe.feature.FeatureSummary;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Which features of an SAE fire on a text.
 *
 * @param sae the SAE
 * @param tokens text of the tokens; joined they are the text (and BOS, where the model got one)
 * @param cutTokens tokens at the end that were left out, because the text is longer than what the SAE was trained on
 * @param cutText the text of those
 * @param perToken per token the strongest features that pass the filters
 * @param chosen the positions that features are added up over; empty for all
 * @param features strongest first: by the sum over the chosen positions, or by their strongest activation if none is chosen
 */
public record TextFeatures(
        String sae,
        List<String> tokens,
        int cutTokens,
        String cutText,
        List<List<OnToken>> perToken,
        List<Integer> chosen,
        List<Row> features) {
    /**
     * A feature on one token.
     *
     * @param id the latent
     * @param label its label, empty without an index
     * @param value its activation
     */
    public record OnToken(int id, String label, float value) {}

    /**
     * A feature on the text.
     *
     * @param id the latent
     * @param summary what its index says; null without one
     * @param sum of its activations over the chosen positions (over all if none is chosen)
     * @param max its strongest activation on the text
     * @param peak where that is
     * @param values its activation on every token
     */
    public record Row(int id, @Nullable FeatureSummary summary, double sum, float max, int peak, float[] values) {}
}
