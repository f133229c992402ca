package dev.loupe.ui;

import java.util.LinkedHashMap;
import java.util.Map;

/** What the figures of SAEs are, in a few words, for the heads of tables and curves; the report card says it in full. */
final class Measures {
    private static final Map<String, String> WORDS = new LinkedHashMap<>();

    static {
        WORDS.put("d_sae", "number of latents");
        WORDS.put("L0", "mean number of active latents per token");
        WORDS.put("FVU", "Σ‖x − x̂‖² / Σ‖x − x̄‖² over held-out tokens: the share that the SAE leaves unexplained");
        WORDS.put("PCA of that rank", "FVU of as many principal axes as L0: what an SAE has to beat");
        WORDS.put("ΔCE, nats", "rise of the model's cross-entropy with x̂ in place of x");
        WORDS.put(
                "loss recovered",
                "(CE_zero − CE) / (CE_zero − CE_clean), zeros in place of x as the baseline (SAEBench)");
        WORDS.put("dead", "latents that are active on none of the held-out tokens");
        WORDS.put("curve loss", "what training makes smaller: reconstruction, penalty and auxiliary loss together");
        WORDS.put("curve reconstruction", "mean of ‖x − x̂‖² over the batch, in training units");
        WORDS.put("curve penalty", "the sparsity penalties, as they are minimised");
        WORDS.put("curve aux", "the auxiliary losses: on dead latents, and that of a gate");
        WORDS.put("curve l0", "active latents per token of the batch");
        WORDS.put("curve l1", "sum of the activations per token of the batch");
        WORDS.put("curve fvu", "share of the batch's variance that the SAE leaves unexplained");
        WORDS.put("curve dead", "latents that have not fired within the window of the settings");
        WORDS.put("curve learning_rate", "Adam's, as the schedule has it at this step");
        WORDS.put("curve sparsity_weight", "what the penalty is multiplied by at this step");
        WORDS.put("curve threshold", "quantiles of the latents' thresholds");
        WORDS.put("curve tokens_per_second", "of this job, since it was begun or taken up again");
    }

    private Measures() {}

    /** What the head of a column means; empty for a column that says it itself. */
    static String column(String head) {
        return WORDS.getOrDefault(head, "");
    }

    /** What a curve of a training shows; empty for one that nobody has described. */
    static String curve(String name) {
        return WORDS.getOrDefault("curve " + name, "");
    }
}
