package dev.loupe.feature;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A uniform random sample, without repeats, of the documents in which a latent fires, each with its strongest hit
 * (reservoir sampling, Vitter's algorithm R). Documents arrive one after the other. The choice depends on the seed and
 * on the order of documents only.
 */
final class DocumentSample {
    private final int capacity;
    private @Nullable Hit[] hits = new Hit[4];
    private long state;
    private long documents;
    private int document = -1;
    private int slot = -1;

    DocumentSample(int capacity, long seed) {
        this.capacity = capacity;
        this.state = seed;
    }

    /** Decides about a document when it first shows up, and tells whether a hit of this strength in it is kept. */
    boolean wants(float max, int inDocument) {
        if (inDocument != document) {
            document = inDocument;
            long n = documents++;
            long at = n < capacity ? n : Math.floorMod(next(), n + 1);
            slot = at < capacity ? (int) at : -1;
            return slot >= 0;
        }
        if (slot < 0) {
            return false;
        }
        Hit kept = hits[slot];
        return kept == null || max > kept.max();
    }

    /** Keeps a hit that is {@link #wants wanted}. */
    void add(Hit hit) {
        if (slot >= hits.length) {
            hits = Arrays.copyOf(hits, Math.min(capacity, 2 * hits.length));
        }
        hits[slot] = hit;
    }

    /** How many documents there were. */
    long documents() {
        return documents;
    }

    /** Strongest first. */
    List<Hit> sorted() {
        return Arrays.stream(hits)
                .filter(java.util.Objects::nonNull)
                .map(java.util.Objects::requireNonNull)
                .sorted(Comparator.comparingDouble((Hit h) -> -h.max()).thenComparingLong(Hit::row))
                .toList();
    }

    /** SplitMix64. */
    private long next() {
        state += 0x9E3779B97F4A7C15L;
        long z = (state ^ (state >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return (z ^ (z >>> 31)) >>> 1;
    }
}
