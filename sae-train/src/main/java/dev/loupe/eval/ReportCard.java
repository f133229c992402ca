package dev.loupe.eval;

import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * The figures of a report beyond reconstruction: what the latents are good for. Never joined into one score.
 *
 * @param fvuOfTokens mean over tokens of ‖e‖² / ‖x − x̄‖² ("legacy" of SAELens and SAEBench); FVU itself weighs tokens by
 *     their variance
 * @param dormant share of latents whose mean activation is at most 0.025 of the mean of all (arXiv 2302.12902)
 * @param kl how far predictions move; null without a model
 * @param probes what a few latents tell about the labels of documents; empty if the store has no two labels
 * @param probesMissing why there is no probe; null if there are some
 * @param absorption latents that fire in place of the one that should; empty if nothing could be measured
 * @param absorptionMissing why not; null if some was
 */
@JsonNaming(SnakeCaseStrategy.class)
public record ReportCard(
        double fvuOfTokens,
        double dormant,
        @Nullable Kl kl,
        List<Probe> probes,
        @Nullable String probesMissing,
        List<Absorbed> absorption,
        @Nullable String absorptionMissing) {

    /**
     * KL(clean ‖ changed) per predicted token, nats.
     *
     * @param tokens predictions looked at
     * @param spliced with x̂ in place of x
     * @param zero with 0 in place of x
     * @param mean with the mean of x in place of x
     * @param score (zero − spliced) / zero
     */
    @JsonNaming(SnakeCaseStrategy.class)
    public record Kl(long tokens, double spliced, double zero, double mean, double score) {}

    /**
     * k-sparse probing of one label against all others (Gurnee et al., arXiv 2305.01610; SAEBench): mean activations per
     * document, the k with the largest difference of class means on training documents, logistic regression on those;
     * accuracy on held-out documents, both classes weighted alike.
     *
     * @param label the label
     * @param train documents that the probes were fitted on
     * @param test held-out documents, both classes together
     * @param k 1, 2 and 5
     * @param latents accuracy with k latents, by k
     * @param residual accuracy with k coordinates of the activation itself
     * @param neurons accuracy with k neurons of the same layer's MLP; empty where the model was not at hand
     * @param full accuracy of logistic regression on the whole activation
     * @param best latents chosen for k = 1, 2, 5, best first
     */
    @JsonNaming(SnakeCaseStrategy.class)
    public record Probe(
            String label,
            int train,
            int test,
            int[] k,
            double[] latents,
            double[] residual,
            double[] neurons,
            double full,
            int[] best) {}

    /**
     * Feature absorption (Chanin et al., arXiv 2409.14507, with SAEBench's table 8: no least share, no least cosine): of
     * tokens that a probe on the activation gets right, the share of the probe's projection that latents other than the main
     * ones supply where those say less than the activation does.
     *
     * @param task what the probe tells: a label of rows, or the first letter of tokens
     * @param f1 of the probe on held-out tokens
     * @param main the main latents, found by k-sparse probing with at least 0.03 F1 for each further one
     * @param score mean over the tokens that the probe gets right of absorbed / (absorbed + main), 0 for a token whose main
     *     latents say all
     * @param tokens held-out tokens that the probe gets right
     * @param absorbed those of them where the main latents say less than the activation
     */
    @JsonNaming(SnakeCaseStrategy.class)
    public record Absorbed(String task, double f1, int[] main, double score, int tokens, int absorbed) {}

    /** Adds the figures that scripts rely on. */
    void summary(java.util.Map<String, Object> s) {
        s.put("fvu_of_tokens", fvuOfTokens);
        s.put("dormant_fraction", dormant);
        if (kl != null) {
            s.put("kl", kl.spliced());
            s.put("kl_score", kl.score());
        }
        if (!probes.isEmpty()) {
            s.put("probe_k1", accuracy(Probe::latents, 0));
            s.put("probe_k1_residual", accuracy(Probe::residual, 0));
            s.put("probe_k1_neurons", accuracy(Probe::neurons, 0));
            s.put("probe_k5", accuracy(Probe::latents, 2));
            s.put(
                    "probe_full",
                    probes.stream().mapToDouble(Probe::full).average().orElse(Double.NaN));
        }
        if (absorption.isEmpty()) {
            s.put("absorption", String.valueOf(absorptionMissing));
        } else {
            s.put(
                    "absorption",
                    absorption.stream().mapToDouble(Absorbed::score).average().orElse(Double.NaN));
        }
    }

    /** Mean over labels of one of the accuracies for the number {@code k[index]}; NaN without probes. */
    public double accuracy(java.util.function.Function<Probe, double[]> of, int index) {
        return probes.stream()
                .map(of)
                .filter(a -> a.length > index)
                .mapToDouble(a -> a[index])
                .average()
                .orElse(Double.NaN);
    }
}
