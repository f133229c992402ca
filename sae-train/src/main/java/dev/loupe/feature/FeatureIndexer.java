package dev.loupe.feature;

import dev.loupe.base.Progress;
import dev.loupe.model.LanguageModel;
import dev.loupe.sae.Sae;
import dev.loupe.store.ActivationStore;
import java.nio.file.Path;

/** Builds the feature index of an SAE: one pass over the store, all latents at once. */
public final class FeatureIndexer {
    private FeatureIndexer() {}

    /**
     * Builds {@code featuresDir/<name of the SAE>/} (or replaces it); it appears whole or not at all.
     *
     * @param model the model that the store was captured from: its tokenizer and unembedding
     * @throws dev.loupe.base.LoupeException if SAE and store do not fit together, or another process indexes this SAE
     * @throws dev.loupe.base.CancelledException if the progress says so; nothing is left behind
     */
    public static FeatureIndex build(
            Sae sae,
            ActivationStore store,
            LanguageModel model,
            IndexOptions options,
            Path featuresDir,
            Progress progress) {
        throw new UnsupportedOperationException("feature indexes cannot be built yet");
    }

    /** Whether there is an index of exactly this SAE on exactly this store with these options, so that none need be built. */
    public static boolean isCurrent(Sae sae, ActivationStore store, IndexOptions options, Path featuresDir) {
        throw new UnsupportedOperationException("feature indexes cannot be built yet");
    }
}
