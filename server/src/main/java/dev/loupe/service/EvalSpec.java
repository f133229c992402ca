package dev.loupe.service;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * SAEs to evaluate.
 *
 * @param saes their names
 * @param text corpus for the losses; null for the held-out documents of each SAE's store
 * @param store with the rows to measure on; null for the one that each SAE was trained on
 */
public record EvalSpec(
        List<String> saes, @Nullable String text, @Nullable String store) {
    /** On the stores that the SAEs were trained on. */
    public EvalSpec(List<String> saes, @Nullable String text) {
        this(saes, text, null);
    }
}
