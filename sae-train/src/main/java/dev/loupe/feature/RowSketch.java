package dev.loupe.feature;

import java.util.Arrays;

/**
 * A sample of the rows on which a latent fires: those with the smallest hash of their number (bottom-k sketch, Cohen and
 * Kaplan, 2007). All latents use one hash, so the sketches of any two latents, of any two SAEs over one store, are samples
 * of the same rows and can be held against each other. A latent with few firings is known whole.
 */
final class RowSketch {
    /** Most rows of a sketch. */
    static final int SIZE = 256;

    /** One more than the largest hash. */
    static final long WHOLE = 1L << 32;

    private int[] heap = new int[8]; // largest hash first, order of unsigned numbers by a flipped sign
    private int size;

    /** The hash of a row: a permutation of the 32-bit numbers (the finaliser of MurmurHash3). */
    static int hash(long row) {
        int h = (int) row;
        h = (h ^ h >>> 16) * 0x85EBCA6B;
        h = (h ^ h >>> 13) * 0xC2B2AE35;
        return h ^ h >>> 16;
    }

    void add(long row) {
        int key = hash(row) ^ Integer.MIN_VALUE;
        if (size > SIZE) {
            if (key < heap[0]) {
                heap[0] = key;
                down();
            }
            return;
        }
        if (size == heap.length) {
            heap = Arrays.copyOf(heap, Math.min(SIZE + 1, 2 * size));
        }
        int at = size++;
        heap[at] = key;
        while (at > 0 && heap[(at - 1) / 2] < heap[at]) {
            int parent = (at - 1) / 2;
            int t = heap[at];
            heap[at] = heap[parent];
            heap[parent] = t;
            at = parent;
        }
    }

    private void down() {
        int at = 0;
        while (true) {
            int child = 2 * at + 1;
            if (child >= size) {
                return;
            }
            child += child + 1 < size && heap[child + 1] > heap[child] ? 1 : 0;
            if (heap[child] <= heap[at]) {
                return;
            }
            int t = heap[at];
            heap[at] = heap[child];
            heap[child] = t;
            at = child;
        }
    }

    /** All hashes below which every row is kept: {@link #WHOLE} if every row is. */
    long limit() {
        return size <= SIZE ? WHOLE : Integer.toUnsignedLong(heap[0] ^ Integer.MIN_VALUE);
    }

    /** The hashes below the limit, ascending as unsigned numbers. */
    int[] hashes() {
        int[] keys = Arrays.copyOf(heap, size);
        Arrays.sort(keys);
        int kept = Math.min(size, SIZE);
        int[] hashes = new int[kept];
        for (int i = 0; i < kept; i++) {
            hashes[i] = keys[i] ^ Integer.MIN_VALUE;
        }
        return hashes;
    }
}
