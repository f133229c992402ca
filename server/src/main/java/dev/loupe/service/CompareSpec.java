package dev.loupe.service;

import dev.loupe.base.UsageException;
import dev.loupe.compare.Matching;
import org.jspecify.annotations.Nullable;

/**
 * Two SAEs to compare.
 *
 * @param a name of the one
 * @param b name of the other
 * @param threshold least cosine of a shared pair; null for 0.7
 * @param across whether different hook points or models are allowed; null for no
 * @param activations whether to look at what both do on the store as well; null for no
 */
public record CompareSpec(
        String a,
        String b,
        @Nullable Double threshold,
        @Nullable Boolean across,
        @Nullable Boolean activations) {
    /** Refuses what JSON may leave out. */
    @SuppressWarnings({"ConstantValue", "NullAway"}) // JSON leaves absent fields null, whatever the types say
    public CompareSpec {
        if (a == null || b == null) {
            throw new UsageException("A comparison needs two SAEs: {\"a\": \"NAME\", \"b\": \"NAME\"}.");
        }
    }

    /** Weights only, at one place. */
    public CompareSpec(String a, String b, @Nullable Double threshold) {
        this(a, b, threshold, null, null);
    }

    /** The threshold, defaulted. */
    double cosine() {
        return threshold == null ? Matching.DEFAULT_THRESHOLD : threshold;
    }
}
