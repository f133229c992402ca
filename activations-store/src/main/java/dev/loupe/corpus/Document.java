package dev.loupe.corpus;

import java.util.Objects;

/**
 * One text of a corpus.
 *
 * @param name what the document is called in its corpus
 * @param text the text as the tokenizer gets it
 * @param label the label (of a language: ISO 639-1), {@code "und"} if doubtful, {@code ""} if nobody labelled it yet
 * @param confidence how sure the label is, 0 to 1; 1 for a label that the corpus itself carries
 */
public record Document(String name, String text, String label, double confidence) {
    /** The label of documents whose language is in doubt (ISO 639-2: undetermined). */
    public static final String UNDETERMINED = "und";

    /** Checks that nothing is missing. */
    public Document {
        Objects.requireNonNull(name);
        Objects.requireNonNull(text);
        Objects.requireNonNull(label);
    }

    /** A document that nobody labelled yet. */
    public Document(String name, String text) {
        this(name, text, "", 0);
    }

    /** The same document under a label. */
    public Document labelled(String newLabel, double newConfidence) {
        return new Document(name, text, newLabel, newConfidence);
    }
}
