package dev.loupe.store;

/** The documents that the rows come from. Safe to use from several threads. */
public interface DocumentTable {
    /** How many documents. */
    int size();

    /** What the corpus calls the document. */
    String name(int document);

    /** The document's label (of a language: ISO 639-1; {@code und} if doubtful). */
    String label(int document);

    /** How sure the label is, 0 to 1. */
    double confidence(int document);

    /** Whether no training may use the document. */
    boolean heldOut(int document);
}
