package dev.loupe.feature;

import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * Everything a feature page shows about a latent.
 *
 * @param summary what lists show
 * @param score how the label's rule does on held-out tokens, null where it has no rule or nothing held out
 * @param histogram activations where it is active
 * @param documents documents in which it fires
 * @param examples the strongest, one per document, strongest first
 * @param bands examples by quantile, strongest band first, and those of held-out documents last
 * @param promoted tokens whose logits the decoder direction raises most; empty where the hook point is not as wide as
 *     the residual stream
 * @param suppressed tokens whose logits it lowers most
 * @param nearest latents of this SAE with the largest cosine of decoder rows
 * @param positionRates by position in the sequence; empty in indexes of format 1.0
 * @param labelRates by document label, most firings first
 * @param tokenRates tokens that carry most of the activation
 * @param previousTokenRates the tokens before, by the activation that follows them
 * @param moments of the activation; null in indexes before format 1.2
 * @param coactive the latents whose activation correlates most with this one's, counted exactly; empty before format 1.2
 * @param labels everything that rules say about it, each with its held-out score; empty before format 1.3
 * @param words the document labels whose own words it picks, the largest lift first; empty before format 1.4
 * @param scoring held-out examples, a uniform sample of documents: for scoring explanations, which must not see them
 */
@JsonNaming(SnakeCaseStrategy.class)
public record FeatureDetail(
        FeatureSummary summary,
        @Nullable LabelScore score,
        Histogram histogram,
        long documents,
        List<Example> examples,
        List<ExampleBand> bands,
        List<TokenLogit> promoted,
        List<TokenLogit> suppressed,
        List<Neighbour> nearest,
        List<PositionRate> positionRates,
        List<LabelRate> labelRates,
        List<TokenRate> tokenRates,
        List<TokenRate> previousTokenRates,
        @Nullable Moments moments,
        List<Coactive> coactive,
        List<LabelCandidate> labels,
        List<LabelWords> words,
        List<Example> scoring) {}
