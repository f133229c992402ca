package dev.loupe.service;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * An SAE of the workspace, without its weights.
 *
 * @param name its name
 * @param architecture relu, topk or jumprelu
 * @param model what opens the model it belongs to
 * @param hook where in the model it belongs, TransformerLens name
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
        @Nullable String problem) {}
