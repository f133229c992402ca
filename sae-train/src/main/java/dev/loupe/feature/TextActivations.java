package dev.loupe.feature;

import dev.loupe.model.LanguageModel;
import dev.loupe.sae.Sae;
import java.util.List;
import tools.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * What an SAE's latents do on a text that somebody typed.
 *
 * @param text the text
 * @param tokens readable text of its tokens; joined they are the text (and BOS, where the model got one)
 * @param ids the token ids as the model saw them
 * @param active per token the active latents, strongest first; empty for special tokens, which no SAE was trained on
 */
@JsonNaming(SnakeCaseStrategy.class)
public record TextActivations(String text, List<String> tokens, int[] ids, List<List<Active>> active) {

    /**
     * A latent on a token.
     *
     * @param id the latent
     * @param value its activation
     */
    public record Active(int id, float value) {}

    /**
     * Runs the model and the SAE over a text.
     *
     * @param prependBos whether BOS goes in front, as in the store the SAE was trained on
     * @throws dev.loupe.base.UsageException if the text is empty or longer than the model's context
     */
    public static TextActivations of(Sae sae, LanguageModel model, String text, boolean prependBos) {
        throw new UnsupportedOperationException("texts cannot be tested yet");
    }

    /** The activation of one latent on every token, 0 where it is not active. */
    public float[] latent(int id) {
        float[] values = new float[active.size()];
        for (int t = 0; t < values.length; t++) {
            for (Active a : active.get(t)) {
                if (a.id() == id) {
                    values[t] = a.value();
                }
            }
        }
        return values;
    }
}
