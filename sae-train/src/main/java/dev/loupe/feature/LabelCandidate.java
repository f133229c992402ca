package dev.loupe.feature;

import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * One thing that may be said about a latent, with how far to trust it. Rules are chosen on training documents and scored on
 * the tokens of held-out ones.
 *
 * @param kind how it was found: {@code "token statistics"}, {@code "next token"}, {@code "n-grams"}, {@code "logit lens"},
 *     {@code "token patterns"}; {@code "prose"} if a language model wrote it, {@code "imported"} if it came from elsewhere
 * @param text what it says
 * @param patterns the rule in full: tokens, n-grams or patterns with the activation that they predict
 * @param trainCoverage share of the activation on training documents that the rule covers
 * @param coverage the same share on held-out documents; null where the latent never fires there
 * @param recall share of held-out firings that the rule covers; null likewise
 * @param precision share of held-out tokens under the rule on which the latent fires; null if there is no such token
 * @param balancedAccuracy mean of recall and of the share of other tokens that the rule leaves alone; 0.5 is chance
 * @param correlation of predicted and true activation over all held-out tokens; null where either never varies
 * @param claimed held-out tokens that the rule claims
 * @param firings held-out tokens on which the latent fires
 */
@JsonNaming(SnakeCaseStrategy.class)
public record LabelCandidate(
        String kind,
        String text,
        List<String> patterns,
        @Nullable Double trainCoverage,
        @Nullable Double coverage,
        @Nullable Double recall,
        @Nullable Double precision,
        @Nullable Double balancedAccuracy,
        @Nullable Double correlation,
        long claimed,
        long firings) {
    /** Statistics of the token it fires on, or of the one before. */
    public static final String TOKENS = "token statistics";

    /** What comes next. */
    public static final String NEXT = "next token";

    /** N-grams that stand where it fires far more often than elsewhere. */
    public static final String NGRAMS = "n-grams";

    /** The tokens that its decoder row promotes. */
    public static final String LOGITS = "logit lens";

    /** A tree of token patterns that predicts the activation. */
    public static final String PATTERNS = "token patterns";

    /** Written by a language model. */
    public static final String PROSE = "prose";

    /** Read from a file of another program. */
    public static final String IMPORTED = "imported";
}
