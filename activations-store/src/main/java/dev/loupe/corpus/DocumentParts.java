package dev.loupe.corpus;

import dev.loupe.base.Progress;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.stream.Stream;

/**
 * A corpus of any size, read once in parts so that memory holds one of them: the held-out documents of the first part, then
 * the documents for training of all parts, shuffled within each part by the seed. Held-out documents of later parts are
 * left out, so no document for training is ever one of them.
 */
public final class DocumentParts implements AutoCloseable {
    private final DocumentSource source;
    private final HeldOut rule;
    private final long seed;
    private final long partCharacters;
    private final Progress progress;
    private final Stream<Document> all;
    private final Iterator<Document> unread;
    private final List<Document> heldOut;
    private Iterator<Document> part;

    /**
     * Reads the first part.
     *
     * @param partCharacters characters of a part; its last document may go beyond them
     * @throws dev.loupe.base.LoupeException if the corpus has no text at all
     */
    public DocumentParts(DocumentSource source, HeldOut rule, long seed, long partCharacters, Progress progress) {
        this.source = source;
        this.rule = rule;
        this.seed = seed;
        this.partCharacters = partCharacters;
        this.progress = progress;
        this.all = source.open();
        try {
            this.unread = all.iterator();
            DocumentPool first = read();
            this.heldOut = first.heldOut();
            this.part = first.train().iterator();
        } catch (RuntimeException | Error e) {
            all.close();
            throw e;
        }
    }

    private DocumentPool read() {
        return DocumentPool.read(source, unread, rule, seed, partCharacters, progress);
    }

    /** The held-out documents of the first part, shuffled. */
    public List<Document> heldOut() {
        return heldOut;
    }

    /** The documents for training, once; later parts are read as they are reached. */
    public Iterator<Document> train() {
        return new Iterator<>() {
            @Override
            public boolean hasNext() {
                while (!part.hasNext() && unread.hasNext()) {
                    part = read().train().iterator();
                }
                return part.hasNext();
            }

            @Override
            public Document next() {
                if (!hasNext()) {
                    throw new NoSuchElementException();
                }
                return part.next();
            }
        };
    }

    @Override
    public void close() {
        all.close();
    }
}
