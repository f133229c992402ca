package dev.loupe.store;

import dev.loupe.corpus.Document;

/** The documents that the rows come from. Safe to use from several threads. */
public interface DocumentTable {
    /** How many documents. */
    int size();

    /** What the corpus calls the document. */
    String name(int document);

    /** The document's label ({@link Document#label}). */
    String label(int document);

    /** How sure the label is, 0 to 1. */
    double confidence(int document);

    /** Whether no training may use the document. */
    boolean heldOut(int document);
}
