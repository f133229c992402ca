package dev.loupe.model;

import dev.loupe.base.UsageException;

/**
 * Token sequences for one pass, of equal or unequal lengths. Shorter ones are padded on the right inside; attention is
 * causal, so padding never reaches a real token.
 *
 * @param ids token ids, {@code [batch][length of this row]}; every row holds at least one
 */
public record TokenBatch(int[][] ids) {
    /** Checks that there is something in every row. */
    public TokenBatch {
        if (ids.length == 0) {
            throw new UsageException("There are no tokens to run the model on: give at least one sequence.");
        }
        for (int[] row : ids) {
            if (row.length == 0) {
                throw new UsageException(
                        "A sequence has no tokens (the text is empty): give some text, or let BOS be prepended.");
            }
        }
    }

    /** A batch of sequences. */
    public static TokenBatch of(int[]... rows) {
        return new TokenBatch(rows);
    }

    /** Number of sequences. */
    public int size() {
        return ids.length;
    }

    /** Number of real tokens of one sequence. */
    public int length(int row) {
        return ids[row].length;
    }

    /** Length of the longest sequence: the second dimension of every activation. */
    public int positions() {
        int longest = 0;
        for (int[] row : ids) {
            longest = Math.max(longest, row.length);
        }
        return longest;
    }

    /** Number of real tokens of all sequences. */
    public long tokens() {
        long n = 0;
        for (int[] row : ids) {
            n += row.length;
        }
        return n;
    }
}
