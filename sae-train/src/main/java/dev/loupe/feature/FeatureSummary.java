package dev.loupe.feature;

import org.jspecify.annotations.Nullable;
import tools.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * What a list shows about a latent. All counts are over every token of the store unless they say "held out".
 *
 * @param id the latent's number in its SAE
 * @param label a name made by rules from token statistics, for example {@code " komissio" 84 %}
 * @param rule how the label was made
 * @param labelScore balanced accuracy of the label's rule on held-out tokens (0.5 is chance), null where it has no
 *     rule that could be wrong or nothing held out fires
 * @param fired tokens on which it is active
 * @param density share of tokens on which it is active
 * @param heldOutDensity the same share on held-out tokens
 * @param max strongest activation
 * @param mean mean activation where it is active, 0 if it never is
 * @param std standard deviation of the activation where it is active
 * @param topToken readable text of the token that carries most of its activation, empty if dead
 * @param topTokenShare that token's share of the sum of activations
 * @param topLabel the document label it fires on most often (a language code in the demo), empty if dead
 * @param topLabelShare share of its firings in documents of that label
 * @param dead whether it is active on no token of the store
 * @param heldOutDead whether it is active on no held-out token
 * @param encDecCosine cosine of its encoder row and its decoder row, 0 where they differ in width or one is zero
 * @param tokenR2 held-out share of its variance that the current token alone predicts, null where unknown
 * @param labelEntropy entropy in nats of its firing rates by document label, null where unknown
 * @param labels document labels that have at least 2 % of its firings
 * @param distinctTokens different tokens it fires on
 * @param selectiveLabels document labels whose own words it picks: at least 20 firings, of which two are on the same of the
 *     label's own tokens ten times as often as chance has it; null in indexes before format 1.4
 * @param firstPositions share of its firings at the first positions of a sequence
 */
@JsonNaming(SnakeCaseStrategy.class)
public record FeatureSummary(
        int id,
        String label,
        LabelRule rule,
        @Nullable Double labelScore,
        long fired,
        double density,
        double heldOutDensity,
        float max,
        float mean,
        float std,
        String topToken,
        double topTokenShare,
        String topLabel,
        double topLabelShare,
        boolean dead,
        boolean heldOutDead,
        double encDecCosine,
        @Nullable Double tokenR2,
        @Nullable Double labelEntropy,
        int labels,
        int distinctTokens,
        @Nullable Integer selectiveLabels,
        double firstPositions) {
    /** Latents that are active on a larger share of tokens are not counted as contextual. */
    private static final double DENSE = 0.1;

    /**
     * How much there is to find out about it, 0 to 1: the part of its variance that the current token does not explain,
     * times how far its label can be trusted on held-out tokens (0 at chance). Latents without either, and dense ones,
     * get 0: one cannot say what they are about.
     */
    public double contextual() {
        if (tokenR2 == null || labelScore == null || density > DENSE) {
            return 0;
        }
        double open = 1 - Math.clamp(tokenR2, 0, 1);
        return open * Math.clamp(2 * labelScore - 1, 0, 1);
    }
}
