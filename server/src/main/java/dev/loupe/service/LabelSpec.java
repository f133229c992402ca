package dev.loupe.service;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Features to get labels in prose.
 *
 * @param sae the SAE
 * @param ids these features; absent or empty for those of {@code list} or {@code top}
 * @param list those of a saved list that are of the SAE
 * @param top as many of the most contextual ones; 10 if nothing else is said
 * @param again whether to ask about features that the same language model has explained already; no if absent
 */
public record LabelSpec(
        String sae,
        @Nullable List<Integer> ids,
        @Nullable String list,
        @Nullable Integer top,
        @Nullable Boolean again) {
    /** How many features are labelled where nobody says which. */
    static final int TOP = 10;
}
