package dev.loupe.corpus;

import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * One text of a corpus.
 *
 * @param name what the document is called in its corpus
 * @param text the text as the tokenizer gets it; a plain rendering where {@code content} says more
 * @param label the label (of a language: ISO 639-1), {@code "und"} if doubtful, {@code ""} if nobody labelled it yet
 * @param confidence how sure the label is, 0 to 1; 1 for a label that the corpus itself carries
 * @param content what the document is if it is more than its text; null for a text
 */
public record Document(
        String name,
        String text,
        String label,
        double confidence,
        @Nullable Content content) {
    /** The label of documents whose language is in doubt (ISO 639-2: undetermined). */
    public static final String UNDETERMINED = "und";

    /** A document that is more than a text. */
    public sealed interface Content {
        /** Tokens that somebody made before, BOS included if the corpus has it. */
        record Ids(int[] tokens) implements Content {}

        /** A conversation, for the model's chat template. */
        record Chat(List<Message> messages) implements Content {}

        /** What one side of a conversation says. */
        record Message(String role, String text) {}
    }

    /** Checks that nothing is missing. */
    public Document {
        Objects.requireNonNull(name);
        Objects.requireNonNull(text);
        Objects.requireNonNull(label);
    }

    /** A text. */
    public Document(String name, String text, String label, double confidence) {
        this(name, text, label, confidence, null);
    }

    /** A text that nobody labelled yet. */
    public Document(String name, String text) {
        this(name, text, "", 0);
    }

    /** The same document under a label. */
    public Document labelled(String newLabel, double newConfidence) {
        return new Document(name, text, newLabel, newConfidence, content);
    }
}
