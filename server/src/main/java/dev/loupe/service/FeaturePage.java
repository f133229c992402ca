package dev.loupe.service;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.loupe.feature.FeatureSummary;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A page of a feature list.
 *
 * @param sae the SAE
 * @param dSae number of its latents
 * @param tokens tokens that its index looked at
 * @param total features that pass the filter
 * @param offset how many were left out at the front
 * @param maxActivation the strongest activation of any latent: the top of the one colour scale of a list
 * @param features the page
 * @param warning one sentence if the index was made of other weights than the SAE has now, else null
 */
public record FeaturePage(
        String sae,
        int dSae,
        long tokens,
        int total,
        int offset,
        float maxActivation,
        List<FeatureSummary> features,
        @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable String warning) {}
