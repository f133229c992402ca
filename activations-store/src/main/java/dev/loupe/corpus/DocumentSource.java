package dev.loupe.corpus;

import dev.loupe.base.LoupeException;
import java.util.Set;
import java.util.stream.Stream;

/** A corpus: documents in a fixed order, readable any number of times. Made by {@link Corpora#of}. */
public interface DocumentSource {
    /** The words that name this corpus on the command line: a path or {@code builtin:europarl}. */
    String spec();

    /** One line for people: what the corpus is. */
    String describe();

    /** A checksum of everything that decides the documents: the bytes of the files and the options. */
    String fingerprint();

    /**
     * The documents in the order of the corpus, read lazily; close the stream to close the files. Documents carry a
     * label only where the corpus has one: {@link LanguageLabeler} gives the others one.
     *
     * @throws LoupeException naming the file (and line) that cannot be read or is not what it should be
     */
    Stream<Document> open();

    /** The languages (ISO 639-1) that documents of this corpus can have; empty if nothing is known. */
    default Set<String> languages() {
        return Set.of();
    }
}
