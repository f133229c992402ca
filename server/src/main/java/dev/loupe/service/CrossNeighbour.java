package dev.loupe.service;

import dev.loupe.feature.Coactive;
import org.jspecify.annotations.Nullable;

/**
 * A latent of an SAE (the same or another) that writes in nearly the same direction.
 *
 * @param sae its SAE
 * @param id the latent
 * @param label its label, empty without an index
 * @param cosine of the two decoder rows
 * @param overlap how often both fire on one token; null where the two indexes are not of one store
 */
public record CrossNeighbour(
        String sae,
        int id,
        String label,
        double cosine,
        @Nullable Coactive overlap) {}
