package dev.loupe.model;

/**
 * Ids by falling score, ties by rising id, worked out one by one: a heap costs far less than sorting where only the first
 * of many ids are wanted.
 */
final class Descending {
    private final long[] heap; // smallest first; score in the upper half so that larger ones are smaller keys, id below
    private int n;

    Descending(float[] scores) {
        heap = new long[scores.length];
        n = heap.length;
        for (int i = 0; i < n; i++) {
            int bits = Float.floatToIntBits(scores[i] + 0f); // −0 becomes 0
            int sortable = bits ^ ((bits >> 31) & 0x7fffffff); // as an int, in the order of the floats
            heap[i] = ((long) ~sortable << 32) | i;
        }
        for (int i = n / 2 - 1; i >= 0; i--) {
            sink(i);
        }
    }

    boolean more() {
        return n > 0;
    }

    int next() {
        int id = (int) heap[0];
        heap[0] = heap[--n];
        sink(0);
        return id;
    }

    private void sink(int from) {
        int i = from;
        long key = heap[i];
        while (2 * i + 1 < n) {
            int child = 2 * i + 1;
            if (child + 1 < n && heap[child + 1] < heap[child]) {
                child++;
            }
            if (heap[child] >= key) {
                break;
            }
            heap[i] = heap[child];
            i = child;
        }
        heap[i] = key;
    }
}
