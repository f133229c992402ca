package dev.loupe.service;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * An SAE of the workspace, without its weights.
 *
 * @param name its name
 * @param architecture relu, topk or jumprelu; with "approximate" where the selection is
 * @param model what opens the model it belongs to
 * @param hook the place that it reads, TransformerLens name; several joined by commas for a crosscoder
 * @param hookOut the place that a transcoder writes; empty for an SAE
 * @param dIn width of its input
 * @param dSae number of latents
 * @param k active latents per token of a TopK SAE, else 0
 * @param store the store it was trained on; null if it does not say
 * @param seed of the initial weights
 * @param steps optimiser steps taken
 * @param tokens rows seen in training
 * @param recipe name of the preset, or "custom"
 * @param created when it was finished
 * @param indexed whether it has a feature index
 * @param problem why it cannot be used; null if it can
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record SaeView(
        String name,
        String architecture,
        String model,
        String hook,
        String hookOut,
        int dIn,
        int dSae,
        int k,
        @Nullable String store,
        long seed,
        long steps,
        long tokens,
        @Nullable String recipe,
        Instant created,
        boolean indexed,
        @Nullable String problem) {

    /** Where it belongs, for people: the hook point or hook points, or what is read and what is written. */
    public String place() {
        return hookOut.isEmpty() ? brief(hook) : brief(hook) + " → " + brief(hookOut);
    }

    private static String brief(String hooks) {
        int first = hooks.indexOf(',');
        int last = hooks.lastIndexOf(',');
        return first == last ? hooks : hooks.substring(0, first) + " … " + hooks.substring(last + 1);
    }
}
