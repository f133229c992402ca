package dev.loupe.store;

/** The sequences that the model was run on, with the special tokens that have no row. Safe to use from several threads. */
public interface SequenceTable {
    /** How many sequences. */
    int size();

    /** The token ids exactly as the model saw them, BOS included. */
    int[] tokens(int sequence);

    /** The document, an index into {@link DocumentTable}. */
    int document(int sequence);

    /** The first row of this sequence; its rows lie together. */
    long firstRow(int sequence);

    /** How many rows this sequence has: its tokens less the excluded ones. */
    int rows(int sequence);
}
