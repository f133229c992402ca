package dev.loupe.feature;

import java.util.Arrays;

/** Sums by a number, in the order in which the numbers came first: an open-addressing table without boxes. */
final class Masses {
    private int[] slots = new int[32]; // entry + 1; 0 is free
    private long[] keys = new long[16];
    private double[] sums = new double[16];
    private int[] counts = new int[16];
    private int size;

    void add(long key, double mass) {
        int mask = slots.length - 1;
        int at = slot(key, mask);
        while (slots[at] != 0) {
            int entry = slots[at] - 1;
            if (keys[entry] == key) {
                sums[entry] += mass;
                counts[entry]++;
                return;
            }
            at = at + 1 & mask;
        }
        if (size == keys.length) {
            grow();
            mask = slots.length - 1;
            at = slot(key, mask);
            while (slots[at] != 0) {
                at = at + 1 & mask;
            }
        }
        keys[size] = key;
        sums[size] = mass;
        counts[size] = 1;
        slots[at] = ++size;
    }

    private static int slot(long key, int mask) {
        long h = key * 0x9E3779B97F4A7C15L;
        return (int) (h >>> 32) & mask;
    }

    private void grow() {
        int capacity = 2 * keys.length;
        keys = Arrays.copyOf(keys, capacity);
        sums = Arrays.copyOf(sums, capacity);
        counts = Arrays.copyOf(counts, capacity);
        slots = new int[2 * capacity];
        int mask = slots.length - 1;
        for (int e = 0; e < size; e++) {
            int at = slot(keys[e], mask);
            while (slots[at] != 0) {
                at = at + 1 & mask;
            }
            slots[at] = e + 1;
        }
    }

    int size() {
        return size;
    }

    long key(int entry) {
        return keys[entry];
    }

    double sum(int entry) {
        return sums[entry];
    }

    /** How often a number was added to. */
    int count(int entry) {
        return counts[entry];
    }

    /** The entry with the largest sum, of equals the one with the smallest number; -1 if there is none. */
    int largest() {
        int best = -1;
        for (int e = 0; e < size; e++) {
            if (best < 0 || sums[e] > sums[best] || (sums[e] == sums[best] && keys[e] < keys[best])) {
                best = e;
            }
        }
        return best;
    }
}
