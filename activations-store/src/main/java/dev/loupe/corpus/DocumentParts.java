package dev.loupe.corpus;

import dev.loupe.base.Progress;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.stream.Stream;

/**
 * A corpus of any size, read once in parts so that memory holds one of them. There is always a first part: reading that of
 * an empty corpus is refused.
 */
public final class DocumentParts implements Iterator<DocumentPool>, AutoCloseable {
    private final DocumentSource source;
    private final HeldOut rule;
    private final long seed;
    private final long partCharacters;
    private final Progress progress;
    private final Stream<Document> all;
    private final Iterator<Document> unread;
    private boolean begun;

    /**
     * Opens the corpus.
     *
     * @param seed decides the order of the documents within each part
     * @param partCharacters characters of a part; its last document may go beyond them
     */
    public DocumentParts(DocumentSource source, HeldOut rule, long seed, long partCharacters, Progress progress) {
        this.source = source;
        this.rule = rule;
        this.seed = seed;
        this.partCharacters = partCharacters;
        this.progress = progress;
        this.all = source.open();
        this.unread = all.iterator();
    }

    @Override
    public boolean hasNext() {
        return !begun || unread.hasNext();
    }

    /**
     * Reads the next part.
     *
     * @throws dev.loupe.base.LoupeException if the corpus has no text at all
     */
    @Override
    public DocumentPool next() {
        if (!hasNext()) {
            throw new NoSuchElementException();
        }
        begun = true;
        return DocumentPool.read(source, unread, rule, seed, partCharacters, progress);
    }

    /**
     * The documents for training of a part that was read and of all later ones, once; these are read as they are reached.
     * Held-out documents of later parts are left out, so no document for training is ever one of them.
     */
    public Iterator<Document> trainFrom(DocumentPool part) {
        Iterator<Document> first = part.train().iterator();
        return new Iterator<>() {
            private Iterator<Document> documents = first;

            @Override
            public boolean hasNext() {
                while (!documents.hasNext() && DocumentParts.this.hasNext()) {
                    documents = DocumentParts.this.next().train().iterator();
                }
                return documents.hasNext();
            }

            @Override
            public Document next() {
                if (!hasNext()) {
                    throw new NoSuchElementException();
                }
                return documents.next();
            }
        };
    }

    @Override
    public void close() {
        all.close();
    }
}
