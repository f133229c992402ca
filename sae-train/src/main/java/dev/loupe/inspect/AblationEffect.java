package dev.loupe.inspect;

import java.util.List;
import tools.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * What a model loses on a text when one latent is taken out. The SAE's error stays in: only the latent's own share of the
 * activations is subtracted. Losses in nats, by the token that is predicted (the first one has none: 0).
 *
 * @param sae the SAE
 * @param id the latent
 * @param text the text
 * @param values its activation on every token
 * @param loss of the untouched model
 * @param everywhere how much larger the loss is when the latent is taken out wherever it fires
 * @param positions the same when it is taken out at one position only: where it fires most, strongest first
 */
@JsonNaming(SnakeCaseStrategy.class)
public record AblationEffect(
        String sae,
        int id,
        InspectedText text,
        float[] values,
        float[] loss,
        float[] everywhere,
        List<AtPosition> positions) {

    /**
     * The effect of one position.
     *
     * @param position where the latent is taken out
     * @param activation its activation there
     * @param lossDifference how much larger the loss of every token is; 0 up to the position itself
     * @param kl divergence of the changed prediction at this position from the untouched one, in nats
     * @param promoted tokens whose logit falls most without the latent
     * @param suppressed tokens whose logit rises most without it
     */
    @JsonNaming(SnakeCaseStrategy.class)
    public record AtPosition(
            int position,
            float activation,
            float[] lossDifference,
            double kl,
            List<Change> promoted,
            List<Change> suppressed) {}

    /**
     * What the latent does to one token.
     *
     * @param token its id
     * @param text its readable text
     * @param effect its logit with the latent minus its logit without
     * @param probability with the latent
     * @param without probability without it
     */
    public record Change(int token, String text, float effect, float probability, float without) {}
}
