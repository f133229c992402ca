package dev.loupe.eval;

import dev.loupe.base.UsageException;

/**
 * How much an evaluation looks at.
 *
 * @param rows most held-out rows of the store for the reconstruction figures; 0 for all
 * @param pcaRows most training rows that PCA is fitted on, spread evenly; 0 for all
 * @param lossTokens most held-out tokens for the losses with the SAE spliced in; 0 for all
 * @param batch sequences a pass of the model
 */
public record EvalOptions(long rows, long pcaRows, long lossTokens, int batch) {
    /** Checks that every number makes sense. */
    public EvalOptions {
        if (rows < 0 || pcaRows < 0 || lossTokens < 0 || batch < 1) {
            throw new UsageException("An evaluation needs limits of at least 0 (0 for all) and a batch of at least 1.");
        }
    }

    /** All held-out rows, PCA on up to 262,144 rows, up to 16,384 tokens of losses. */
    public static EvalOptions standard() {
        return new EvalOptions(0, 262_144, 16_384, 4);
    }
}
