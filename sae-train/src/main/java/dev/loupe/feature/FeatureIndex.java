package dev.loupe.feature;

import java.nio.file.Path;
import java.util.List;

/**
 * The feature index of one SAE, read from its folder. Summaries of all latents are in memory, details are read when
 * asked for. Safe to use from several threads.
 */
public final class FeatureIndex {
    private FeatureIndex() {}

    /**
     * Opens an index folder.
     *
     * @throws dev.loupe.base.NotFoundException if there is none
     * @throws dev.loupe.base.LoupeException if it is damaged or of a newer major format
     */
    public static FeatureIndex open(Path folder) {
        throw new UnsupportedOperationException("feature indexes cannot be opened yet");
    }

    /** What {@code index.json} says. */
    public IndexManifest manifest() {
        throw new UnsupportedOperationException("feature indexes cannot be opened yet");
    }

    /** Name of the SAE. */
    public String sae() {
        return manifest().sae();
    }

    /** Number of latents. */
    public int size() {
        return manifest().dSae();
    }

    /**
     * What lists show about a latent; in memory.
     *
     * @throws dev.loupe.base.NotFoundException if there is no latent of that number
     */
    public FeatureSummary summary(int id) {
        return all().get(id);
    }

    /** All summaries, by latent. */
    public List<FeatureSummary> all() {
        throw new UnsupportedOperationException("feature indexes cannot be opened yet");
    }

    /**
     * Everything about a latent; a few small reads.
     *
     * @throws dev.loupe.base.NotFoundException if there is no latent of that number
     */
    public FeatureDetail detail(int id) {
        throw new UnsupportedOperationException("feature indexes cannot be opened yet");
    }

    /**
     * Latents whose number, label, tokens or example texts hold a query, best first; case does not matter.
     *
     * @param query any text
     * @param limit most hits
     */
    public List<SearchHit> search(String query, int limit) {
        throw new UnsupportedOperationException("feature indexes cannot be opened yet");
    }
}
