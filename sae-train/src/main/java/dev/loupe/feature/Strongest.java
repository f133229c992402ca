package dev.loupe.feature;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The strongest hits of a latent, at most one per document. Documents arrive one after the other. */
final class Strongest {
    private final int capacity;
    private @Nullable Hit[] hits = new Hit[4];
    private int size;
    private int weakest = -1; // index, once full

    Strongest(int capacity) {
        this.capacity = capacity;
    }

    /** Whether a hit of this strength would be kept; of equals the earlier one stays. */
    boolean wants(float max, int document) {
        if (size == capacity && max <= hit(weakest).max()) {
            return false; // the usual case, without a search
        }
        int same = find(document);
        if (same >= 0) {
            return max > hit(same).max();
        }
        return true;
    }

    /** Keeps a hit that is {@link #wants wanted}, instead of the one of its document or the weakest. */
    void add(Hit hit) {
        int at = find(hit.document());
        if (at < 0) {
            if (size < capacity) {
                if (size == hits.length) {
                    hits = Arrays.copyOf(hits, Math.min(capacity, 2 * size));
                }
                at = size++;
            } else {
                at = weakest;
            }
        }
        hits[at] = hit;
        if (size == capacity) {
            weakest = 0;
            for (int i = 1; i < size; i++) {
                weakest = hit(weakest).before(hit(i)) ? i : weakest;
            }
        }
    }

    /** Strongest first. */
    List<Hit> sorted() {
        Hit[] sorted = new Hit[size];
        for (int i = 0; i < size; i++) {
            sorted[i] = hit(i);
        }
        Arrays.sort(sorted, Comparator.comparingDouble((Hit h) -> -h.max()).thenComparingLong(Hit::row));
        return List.of(sorted);
    }

    private int find(int document) {
        for (int i = 0; i < size; i++) {
            if (hit(i).document() == document) {
                return i;
            }
        }
        return -1;
    }

    private Hit hit(int i) {
        return java.util.Objects.requireNonNull(hits[i]);
    }
}
