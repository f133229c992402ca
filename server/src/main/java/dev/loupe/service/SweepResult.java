package dev.loupe.service;

import dev.loupe.train.SweepPlan;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * What a sweep came to.
 *
 * @param format version of the file, major.minor
 * @param spec what was asked for
 * @param storeFingerprint the data
 * @param plan what was expected
 * @param rows one per SAE
 * @param notes what bears on the figures
 * @param seconds that this run of the sweep trained and measured
 * @param tokensPerSecond rows trained on, summed over the SAEs, per second of training; 0 if nothing was trained
 * @param peakMemoryBytes largest resident memory of the process
 * @param created when, ISO 8601
 */
@JsonNaming(SnakeCaseStrategy.class)
public record SweepResult(
        String format,
        SweepSpec spec,
        String storeFingerprint,
        SweepPlan plan,
        List<Row> rows,
        List<String> notes,
        double seconds,
        double tokensPerSecond,
        long peakMemoryBytes,
        String created) {
    /** The version that this code writes. */
    public static final String FORMAT = "1.1";

    /**
     * One SAE.
     *
     * @param sae its name
     * @param hook its hook point; null in files of version 1.0
     * @param hookOut the one that a transcoder reconstructs; null for an SAE
     * @param arch its architecture
     * @param dSae its width
     * @param k what was asked for: k, or the L0 target; 0 where neither was
     * @param seed of the initial weights
     * @param varied the values of varied settings
     * @param heldOut whether the figures are of held-out tokens; otherwise of the last training batch
     * @param l0 active latents per token; null if it failed
     * @param fvu fraction of variance unexplained, Σ‖e‖² / Σ‖x − x̄‖²: 0 is perfect, 1 is the mean
     * @param deltaCe rise of the model's loss with the SAE spliced in, nats; null without held-out figures
     * @param lossRecovered share of the damage that zeros in place of the activations do to the loss, and the SAE does not:
     *     (CE zeros − CE spliced) / (CE zeros − CE clean)
     * @param deadFraction share of the latents that fire on no held-out token; without held-out figures, that had not fired for
     *     long when training ended
     * @param bestFvu whether it is on the Pareto front of L0 and FVU: no other SAE of the sweep at its hook point is at least as
     *     good in both and better in one
     * @param bestDeltaCe the same of delta CE
     * @param failure why there is no SAE; null if there is one
     */
    @JsonNaming(SnakeCaseStrategy.class)
    public record Row(
            String sae,
            @Nullable String hook,
            @Nullable String hookOut,
            String arch,
            int dSae,
            int k,
            long seed,
            Map<String, Object> varied,
            boolean heldOut,
            @Nullable Double l0,
            @Nullable Double fvu,
            @Nullable Double deltaCe,
            @Nullable Double lossRecovered,
            @Nullable Double deadFraction,
            boolean bestFvu,
            boolean bestDeltaCe,
            @Nullable String failure) {
        /** Where it is, for people: the hook point, or both of a transcoder. */
        public String place() {
            return hook == null ? "" : hookOut == null ? hook : hook + " -> " + hookOut;
        }

        Row marked(boolean fvuIsBest, boolean deltaCeIsBest) {
            return new Row(
                    sae,
                    hook,
                    hookOut,
                    arch,
                    dSae,
                    k,
                    seed,
                    varied,
                    heldOut,
                    l0,
                    fvu,
                    deltaCe,
                    lossRecovered,
                    deadFraction,
                    fvuIsBest,
                    deltaCeIsBest,
                    failure);
        }
    }

    /** The rows of each hook point, which have fronts of their own. */
    public Map<String, List<Row>> byPlace() {
        Map<String, List<Row>> all = new LinkedHashMap<>();
        rows.forEach(r -> all.computeIfAbsent(r.place(), p -> new ArrayList<>()).add(r));
        return all;
    }

    /** How many SAEs there are not. */
    public long failed() {
        return rows.stream().filter(r -> r.failure() != null).count();
    }
}
