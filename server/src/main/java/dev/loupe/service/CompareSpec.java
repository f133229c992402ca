package dev.loupe.service;

import dev.loupe.compare.Matching;
import org.jspecify.annotations.Nullable;

/**
 * Two SAEs to compare.
 *
 * @param a name of the one
 * @param b name of the other
 * @param threshold least cosine of a shared pair; null for 0.7
 */
public record CompareSpec(String a, String b, @Nullable Double threshold) {
    /** The threshold, defaulted. */
    double cosine() {
        return threshold == null ? Matching.DEFAULT_THRESHOLD : threshold;
    }
}
