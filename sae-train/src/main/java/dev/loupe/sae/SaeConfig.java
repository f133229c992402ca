package dev.loupe.sae;

import java.util.List;
import java.util.Map;

/**
 * What an SAE is apart from its weights.
 *
 * @param architecture which latents are active
 * @param k active latents per token of a TopK SAE, else 0
 * @param applyBDecToInput whether the encoder sees x − b_dec
 * @param modelId the language model; empty if unknown
 * @param hookName the place that is read, TransformerLens name; several joined by commas, whose values lie side by side,
 *     for a crosscoder; empty if unknown
 * @param hookNameOut the place that a transcoder writes, or several joined by commas; empty for an SAE, which writes where
 *     it reads
 * @param metadata further entries of the {@code metadata} of SAELens' {@code cfg.json}, kept as they are
 */
public record SaeConfig(
        Architecture architecture,
        int k,
        boolean applyBDecToInput,
        String modelId,
        String hookName,
        String hookNameOut,
        Map<String, Object> metadata) {

    /** The config of an SAE. */
    public SaeConfig(
            Architecture architecture,
            int k,
            boolean applyBDecToInput,
            String modelId,
            String hookName,
            Map<String, Object> metadata) {
        this(architecture, k, applyBDecToInput, modelId, hookName, "", metadata);
    }

    /** The places that are read. */
    public List<String> hooksIn() {
        return List.of(hookName.split(",", -1));
    }

    /** The places that are written. */
    public List<String> hooksOut() {
        return transcodes() ? List.of(hookNameOut.split(",", -1)) : hooksIn();
    }

    /** Whether it writes elsewhere than it reads. */
    public boolean transcodes() {
        return !hookNameOut.isEmpty();
    }
}
