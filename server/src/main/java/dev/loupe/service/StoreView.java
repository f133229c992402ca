package dev.loupe.service;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.loupe.store.MassiveActivations;
import dev.loupe.store.StoreManifest;
import dev.loupe.store.ValueRule;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * An activation store of the workspace.
 *
 * @param name its name
 * @param model what opens the model behind it
 * @param hooks its hook points
 * @param tokens rows
 * @param trainTokens rows that training may use
 * @param heldOutTokens rows of held-out documents
 * @param sequences sequences the model was run on
 * @param documents documents the rows come from
 * @param context longest sequence in tokens
 * @param prependBos whether every sequence starts with BOS
 * @param text the corpus
 * @param heldOut the rule that holds documents out
 * @param bytes size of its files
 * @param created when its manifest was written
 * @param problem why it cannot be used; null if it can
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record StoreView(
        String name,
        String model,
        List<Hook> hooks,
        long tokens,
        long trainTokens,
        long heldOutTokens,
        int sequences,
        int documents,
        int context,
        boolean prependBos,
        String text,
        String heldOut,
        long bytes,
        Instant created,
        @Nullable String problem) {

    /**
     * A hook point of a store.
     *
     * @param name TransformerLens name
     * @param width floats a row
     * @param dtype of the files
     * @param meanNorm E‖x‖ over the training rows
     * @param meanSquaredNorm E‖x‖² over the training rows
     * @param variance sum of the variances of all dimensions; null for stores of format 1.0
     * @param normQuantiles quantiles of ‖x‖ by share; null for stores of format 1.0
     * @param massive massive activations; null for stores of format 1.0
     * @param changed what was done to values before they were stored; null for nothing
     */
    @JsonInclude(JsonInclude.Include.NON_NULL)
    public record Hook(
            String name,
            int width,
            String dtype,
            double meanNorm,
            double meanSquaredNorm,
            @Nullable Double variance,
            @Nullable Map<String, Double> normQuantiles,
            @Nullable MassiveActivations massive,
            @Nullable ValueRule changed) {

        static Hook of(String name, StoreManifest.Hook h) {
            double[] variance = h.variance();
            return new Hook(
                    name,
                    h.width(),
                    h.dtype().id(),
                    h.meanNorm(),
                    h.meanSquaredNorm(),
                    variance == null ? null : (Double) Arrays.stream(variance).sum(),
                    h.normQuantiles(),
                    h.massive(),
                    h.changed());
        }

        /** Massive activations in a sentence with what can be done about them; empty if there are none. */
        public String warning() {
            if (massive == null || massive.entries() == 0) {
                return "";
            }
            MassiveActivations.Place first = massive.places().getFirst();
            String share = String.format(Locale.ROOT, "%.2g", 100 * massive.share());
            String dimensions = massive.places().stream()
                    .map(p -> Integer.toString(p.dimension()))
                    .distinct()
                    .limit(8)
                    .collect(Collectors.joining(","));
            return "Massive activations at " + name + ": " + massive.entries() + " values, "
                    + share + " % of the squared norm, dimensions " + dimensions + ", up to "
                    + String.format(Locale.ROOT, "%.4g", massive.maxAbs()) + " (median |a| "
                    + String.format(Locale.ROOT, "%.3g", massive.medianAbs()) + "; the largest at position "
                    + first.position() + "). They dominate squared errors: capture with --exclude-first "
                    + (first.position() + 1) + ", --mask-dims " + dimensions + " or --clip, or train knowingly.";
        }
    }
}
