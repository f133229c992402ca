package dev.loupe.service;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * SAEs to evaluate.
 *
 * @param saes their names
 * @param text corpus for the losses; null for the held-out documents of each SAE's store
 * @param store with the rows to measure on; null for the one that each SAE was trained on
 * @param randomControl whether the same recipe on a random copy of the model is measured as well; null to do so where it
 *     takes little time ({@link EvalResult})
 */
public record EvalSpec(
        List<String> saes,
        @Nullable String text,
        @Nullable String store,
        @Nullable Boolean randomControl) {
    /** With the control where it takes little time. */
    public EvalSpec(List<String> saes, @Nullable String text, @Nullable String store) {
        this(saes, text, store, null);
    }

    /** On the stores that the SAEs were trained on. */
    public EvalSpec(List<String> saes, @Nullable String text) {
        this(saes, text, null);
    }
}
