package dev.loupe.diagnose;

import dev.loupe.base.UsageException;

/**
 * How much a run looks at.
 *
 * @param tokens of text that the model reads
 * @param trialTokens of text that changes of the model are tried on; the first of the above
 * @param rows of the store
 * @param memory bytes that what is read of one part of the text may take
 * @param seed of every choice
 */
public record Limits(long tokens, long trialTokens, long rows, long memory, long seed) {
    /** Checks that every number makes sense. */
    public Limits {
        if (tokens < 1 || trialTokens < 1 || rows < 1 || memory < 1) {
            throw new UsageException("Diagnostics need at least one token, one row and some memory.");
        }
    }

    /** 200,000 tokens and rows, changes tried on 4,096 tokens, 256 MiB. */
    public static Limits standard() {
        return new Limits(200_000, 4096, 200_000, 256L << 20, 0);
    }

    /** The same for other numbers of tokens; as many rows. */
    public Limits withTokens(long all, long trial) {
        return new Limits(all, Math.min(trial, all), all, memory, seed);
    }
}
