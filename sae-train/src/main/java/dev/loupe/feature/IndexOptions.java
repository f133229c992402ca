package dev.loupe.feature;

import dev.loupe.base.UsageException;
import tools.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * How much a feature index keeps of every latent.
 *
 * @param examples strongest examples, one per document
 * @param sample documents in the uniform sample that the quantile bands are cut from
 * @param perBand examples shown of each band
 * @param before tokens of context before the peak
 * @param after tokens of context after the peak
 * @param tokens rows of the token tables
 * @param logits tokens promoted and as many suppressed
 * @param neighbours nearest decoder rows
 */
@JsonNaming(SnakeCaseStrategy.class)
public record IndexOptions(
        int examples, int sample, int perBand, int before, int after, int tokens, int logits, int neighbours) {

    /** Checks that every number makes sense. */
    public IndexOptions {
        if (examples < 1
                || sample < 1
                || perBand < 1
                || before < 0
                || after < 0
                || before + after > 1000
                || tokens < 1
                || logits < 0
                || neighbours < 0) {
            throw new UsageException(
                    "These options make no feature index: examples, sample, per-band and tokens must be"
                            + " at least 1, the others at least 0, and the context at most 1,000 tokens.");
        }
    }

    /** What the browser is made for. */
    public static IndexOptions standard() {
        return new IndexOptions(16, 40, 6, 24, 16, 12, 10, 10);
    }
}
