package dev.loupe.sae;

import java.util.Map;

/**
 * What an SAE is apart from its weights.
 *
 * @param architecture which latents are active
 * @param k active latents per token of a TopK SAE, else 0
 * @param applyBDecToInput whether the encoder sees x − b_dec
 * @param modelId the language model; empty if unknown
 * @param hookName the place, TransformerLens name; empty if unknown
 * @param metadata further entries of the {@code metadata} of SAELens' {@code cfg.json}, kept as they are
 */
public record SaeConfig(
        Architecture architecture,
        int k,
        boolean applyBDecToInput,
        String modelId,
        String hookName,
        Map<String, Object> metadata) {}
