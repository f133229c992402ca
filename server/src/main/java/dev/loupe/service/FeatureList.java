package dev.loupe.service;

import java.time.Instant;
import java.util.List;

/**
 * Features that somebody put together.
 *
 * @param name its name, as in addresses
 * @param description what they have in common
 * @param features in the order they were put in
 * @param version counts its changes from 1; 0 for one that is not saved yet
 * @param changed when it was last changed
 */
public record FeatureList(String name, String description, List<Item> features, long version, Instant changed) {
    /**
     * A feature of a list.
     *
     * @param sae its SAE
     * @param id the feature
     * @param comment why it is here
     */
    public record Item(String sae, int id, String comment) {}
}
