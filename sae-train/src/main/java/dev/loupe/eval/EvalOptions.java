package dev.loupe.eval;

import dev.loupe.base.UsageException;

/**
 * How much an evaluation looks at.
 *
 * @param rows most held-out rows of the store for the reconstruction figures; 0 for all
 * @param pcaRows most training rows that PCA is fitted on, spread evenly; 0 for all
 * @param lossTokens most held-out tokens for the losses with the SAE spliced in; 0 for all
 * @param batch sequences a pass of the model
 * @param probeDocuments most training documents of probes on labels; 0 for no probes and no absorption
 */
public record EvalOptions(long rows, long pcaRows, long lossTokens, int batch, int probeDocuments) {
    /** Without probes. */
    public EvalOptions(long rows, long pcaRows, long lossTokens, int batch) {
        this(rows, pcaRows, lossTokens, batch, 0);
    }

    /** Checks that every number makes sense. */
    public EvalOptions {
        if (rows < 0 || pcaRows < 0 || lossTokens < 0 || batch < 1 || probeDocuments < 0) {
            throw new UsageException("An evaluation needs limits of at least 0 (0 for all) and a batch of at least 1.");
        }
    }

    /** All held-out rows, PCA on up to 262,144 rows, up to 16,384 tokens of losses, probes on 400 documents. */
    public static EvalOptions standard() {
        return new EvalOptions(0, 262_144, 16_384, 4, 400);
    }
}
