package dev.loupe.service;

import dev.loupe.feature.SearchHit;

/**
 * A feature that a search found.
 *
 * @param sae its SAE
 * @param hit what was found, and where
 */
public record FeatureHit(String sae, SearchHit hit) {}
