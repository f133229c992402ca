package dev.loupe.eval;

import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * The report card of an SAE; every figure is over held-out tokens. x is an activation, x̂ its reconstruction, e = x − x̂,
 * x̄ the mean of the evaluated rows; sums are in double precision.
 *
 * @param format version of the file, major.minor
 * @param sae name of the SAE
 * @param architecture relu, topk or jumprelu
 * @param dSae number of latents
 * @param store name of the activation store
 * @param storeFingerprint of the store
 * @param saeChecksum SHA-256 of the weights file; empty if the SAE was never saved
 * @param model id of the language model
 * @param hook the place that is read; several joined by commas for a crosscoder
 * @param hookOut the place that a transcoder writes and that x, x̂ and PCA are of; null for an SAE
 * @param places figures for each place that is written; null where it is one
 * @param tokens held-out rows behind the reconstruction figures
 * @param l0 mean number of active latents per token
 * @param fvu fraction of variance unexplained, Σ‖e‖² / Σ‖x − x̄‖² over all rows at once (no batches)
 * @param explainedVariance 1 − Σ_j Var(e_j) / Σ_j Var(x_j): unlike 1 − FVU it forgives a constant error
 * @param mse mean of ‖e‖²
 * @param cosine mean cosine of x and x̂
 * @param l2Ratio mean of ‖x̂‖ / ‖x‖
 * @param shrinkage E‖x̂‖² / E[x·x̂] (Rajamanoharan et al., arXiv 2404.16014): 1 is unbiased, below 1 is shrinkage
 * @param pcaFvu FVU of PCA of rank {@code pcaRank} on the same rows, fitted on training rows
 * @param pcaRank L0, rounded
 * @param pcaRows training rows that PCA was fitted on
 * @param dead latents that are active on none of {@code tokens}
 * @param deadFraction {@code dead / dSae}
 * @param dense latents that are active on more than 10 % of the tokens
 * @param density histogram of log10 of the share of tokens on which a latent is active
 * @param loss what happens to the model's loss when x̂ replaces x (at the last place of a crosscoder); null without a
 *     model
 * @param card what the latents are good for; null in reports of earlier versions
 * @param seconds the evaluation took
 * @param created when, ISO 8601
 */
@JsonNaming(SnakeCaseStrategy.class)
public record SaeReport(
        String format,
        String sae,
        String architecture,
        int dSae,
        String store,
        String storeFingerprint,
        String saeChecksum,
        String model,
        String hook,
        @Nullable String hookOut,
        @Nullable List<Place> places,
        long tokens,
        double l0,
        double fvu,
        double explainedVariance,
        double mse,
        double cosine,
        double l2Ratio,
        double shrinkage,
        double pcaFvu,
        int pcaRank,
        long pcaRows,
        int dead,
        double deadFraction,
        int dense,
        Density density,
        @Nullable Loss loss,
        @Nullable ReportCard card,
        double seconds,
        String created) {
    /** The version that this code writes. */
    public static final String FORMAT = "1.2";

    /** Name of the file in an SAE's folder. */
    public static final String FILE = "report.json";

    /**
     * Latents by log10 of their firing rate.
     *
     * @param edges bin i holds latents with {@code edges[i] <= log10(rate) < edges[i + 1]}; the last bin includes rate 1
     * @param counts latents per bin
     * @param never latents that never fire, in no bin
     */
    @JsonNaming(SnakeCaseStrategy.class)
    public record Density(double[] edges, int[] counts, int never) {}

    /**
     * One of several places that are written.
     *
     * @param hook which
     * @param fvu of its own dimensions
     * @param deltaCe what happens to the model's loss when x̂ replaces x there alone; null without a model
     */
    @JsonNaming(SnakeCaseStrategy.class)
    public record Place(String hook, double fvu, @Nullable Double deltaCe) {}

    /**
     * Cross-entropies in nats per predicted token. Predictions are made from positions that have a row in the store;
     * special positions (BOS) are neither changed nor counted.
     *
     * @param text where the tokens come from
     * @param tokens predictions that were averaged
     * @param ceClean of the model as it is
     * @param ceSpliced with x̂ in place of x
     * @param ceZero with 0 in place of x
     * @param ceMean with the mean of the training rows in place of x
     * @param deltaCe {@code ceSpliced − ceClean}
     * @param lossRecoveredZero {@code (ceZero − ceSpliced) / (ceZero − ceClean)}
     * @param lossRecoveredMean {@code (ceMean − ceSpliced) / (ceMean − ceClean)}
     * @param spliceIdentityError largest difference of any token's loss when x̂ + (x − x̂) is spliced in; 0 is expected
     */
    @JsonNaming(SnakeCaseStrategy.class)
    public record Loss(
            String text,
            long tokens,
            double ceClean,
            double ceSpliced,
            double ceZero,
            double ceMean,
            double deltaCe,
            double lossRecoveredZero,
            double lossRecoveredMean,
            double spliceIdentityError) {}

    /** What {@code loupe eval --json} prints for this SAE. */
    public java.util.Map<String, Object> summary() {
        java.util.Map<String, Object> s = new java.util.LinkedHashMap<>();
        s.put("l0", l0);
        s.put("fvu", fvu);
        s.put("pca_fvu", pcaFvu);
        s.put("explained_variance", explainedVariance);
        s.put("dead_fraction", deadFraction);
        s.put("tokens", tokens);
        if (places != null) {
            s.put("places", places);
        }
        if (loss != null) {
            s.put("delta_ce", loss.deltaCe());
            s.put("loss_recovered", loss.lossRecoveredZero());
            s.put("loss_recovered_mean", loss.lossRecoveredMean());
            s.put("splice_identity_error", loss.spliceIdentityError());
            s.put("loss_tokens", loss.tokens());
        }
        if (card != null) {
            card.summary(s);
        }
        return s;
    }
}
