package dev.loupe.corpus;

import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.math.Permutation;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The documents that a capture draws from, in an order that the seed decides: held-out documents and documents for
 * training, each shuffled. A corpus larger than the limit gives its first documents.
 *
 * @param heldOut held-out documents, shuffled
 * @param train the others, shuffled
 * @param complete whether the whole corpus is here
 */
public record DocumentPool(List<Document> heldOut, List<Document> train, boolean complete) {
    /**
     * Reads documents from where an iterator stands until the corpus or the limit ends; it is left at the first document that
     * is not read.
     *
     * @param source what it iterates over
     * @param characters limit of their length together
     * @throws LoupeException if there is no document
     */
    static DocumentPool read(
            DocumentSource source,
            Iterator<Document> each,
            HeldOut rule,
            long seed,
            long characters,
            Progress progress) {
        List<Document> documents = new ArrayList<>();
        boolean complete = true;
        long total = 0;
        while (each.hasNext()) {
            progress.check();
            Document document = each.next();
            documents.add(document);
            total += characters(document);
            if (total >= characters) {
                complete = !each.hasNext();
                break;
            }
        }
        if (documents.isEmpty()) {
            throw new LoupeException("The text " + source.spec() + " is empty: it holds no document with any text.");
        }
        boolean[] held = new boolean[documents.size()];
        IntStream.range(0, held.length).parallel().forEach(i -> held[i] = rule.test(documents.get(i)));
        List<Document> heldOut = new ArrayList<>();
        List<Document> train = new ArrayList<>();
        Permutation order = new Permutation(documents.size(), seed, 0);
        for (int i = 0; i < held.length; i++) {
            int at = (int) order.at(i);
            (held[at] ? heldOut : train).add(documents.get(at));
        }
        return new DocumentPool(heldOut, train, complete);
    }

    /** A token id stands for about this many characters. */
    private static final int CHARACTERS_PER_ID = 4;

    private static long characters(Document document) {
        return document.content() instanceof Document.Content.Ids ids
                ? (long) CHARACTERS_PER_ID * ids.tokens().length
                : document.text().length();
    }
}
