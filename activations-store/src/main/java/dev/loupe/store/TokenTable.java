package dev.loupe.store;

/** Which token stands behind every row. Safe to use from several threads. */
public interface TokenTable {
    /** Rows of the store. */
    long rows();

    /** The token's id in the model's vocabulary. */
    int tokenId(long row);

    /** The sequence that the model was run on, numbered through the whole store. */
    int sequence(long row);

    /** The place in its sequence as the model saw it, from 0; with a BOS token the first text token is at 1. */
    int position(long row);

    /** The document, an index into {@link DocumentTable}. */
    int document(long row);

    /** The row's label: that of its document unless the corpus labels tokens (the role, in a conversation). */
    String label(long row);
}
