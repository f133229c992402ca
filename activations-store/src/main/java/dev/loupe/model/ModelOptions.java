package dev.loupe.model;

import org.jspecify.annotations.Nullable;

/**
 * How to open a model.
 *
 * @param id the name that stores and SAEs remember; null for the name of the folder
 * @param threads threads of the tensor library, counted when it is first used in this process; 0 for all cores
 */
public record ModelOptions(@Nullable String id, int threads) {
    /** Named after its folder, on all cores. */
    public static ModelOptions defaults() {
        return new ModelOptions(null, 0);
    }

    /** The same under another name. */
    public ModelOptions withId(String name) {
        return new ModelOptions(name, threads);
    }
}
