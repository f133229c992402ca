package dev.loupe.compare;

import dev.loupe.base.Progress;
import dev.loupe.sae.Sae;

/** Matches the latents of two SAEs. */
public final class SaeMatcher {
    private SaeMatcher() {}

    /**
     * Matches two SAEs that read and write vectors of the same widths; their numbers of latents may differ.
     *
     * @param threshold least cosine of a shared pair, 0 to 1
     * @throws dev.loupe.base.UsageException if the widths differ, or the matrices do not fit into memory
     */
    public static Matching match(Sae a, Sae b, double threshold, Progress progress) {
        throw new UnsupportedOperationException("SAEs cannot be matched yet");
    }
}
