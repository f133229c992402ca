package dev.loupe.service;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Texts whose activations or latents a notebook wants.
 *
 * @param text one text
 * @param texts or several
 * @param vectors or activations themselves (to encode only), each of width d_in
 * @param model the model; the SAE's, or the embedded one, if absent
 * @param hooks hook points, by name
 * @param positions only these, below 0 from the end; all if absent
 * @param bos whether BOS goes in front; as in the SAE's store, else true, if absent
 * @param sae the SAE (to encode)
 * @param dense whether every latent has its value, zeros included (to encode); active latents and their values if absent
 */
public record ArrowRequest(
        @Nullable String text,
        @Nullable List<String> texts,
        @Nullable List<float[]> vectors,
        @Nullable String model,
        @Nullable List<String> hooks,
        @Nullable List<Integer> positions,
        @Nullable Boolean bos,
        @Nullable String sae,
        @Nullable Boolean dense) {
    /** All texts. */
    List<String> all() {
        if (texts != null) {
            return texts;
        }
        return text == null ? List.of() : List.of(text);
    }
}
