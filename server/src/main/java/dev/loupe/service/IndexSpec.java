package dev.loupe.service;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * SAEs to index.
 *
 * @param saes their names
 * @param store with the rows to look at; null for the one that each SAE was trained on
 * @param control whether to make the random-model control of each as well; no if absent
 */
public record IndexSpec(
        List<String> saes, @Nullable String store, @Nullable Boolean control) {
    /** On the stores that the SAEs were trained on. */
    public IndexSpec(List<String> saes) {
        this(saes, null, null);
    }
}
