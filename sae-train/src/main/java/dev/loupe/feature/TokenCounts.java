package dev.loupe.feature;

import java.util.Arrays;
import java.util.Comparator;
import java.util.PriorityQueue;

/**
 * On which tokens a latent fires, how often and how strongly: an open-addressing table from token id to counts. Exact up
 * to {@value #LIMIT} different tokens; beyond that the weaker half is forgotten whenever the table is full, so that memory
 * stays bounded and the tokens that matter stay exact or nearly so.
 */
final class TokenCounts {
    static final int LIMIT = 16_384;

    private static final Comparator<Entry> STRONGEST_FIRST =
            Comparator.comparingDouble((Entry e) -> -e.sum()).thenComparingInt(Entry::token);

    private int[] keys = new int[16]; // token + 1; 0 is free
    private int[] fired = new int[16];
    private int[] heldOut = new int[16];
    private double[] sum = new double[16];
    private double[] heldOutSum = new double[16];
    private int size;

    /** What was counted for one token; sums are of activations, totals include what is held out. */
    record Entry(int token, int fired, int heldOutFired, double sum, double heldOutSum) {
        double trainSum() {
            return sum - heldOutSum;
        }
    }

    void add(int token, float value, boolean isHeldOut) {
        int at = find(token + 1);
        if (keys[at] == 0) {
            if (size >= LIMIT) {
                forgetWeakHalf();
                at = find(token + 1);
            } else if (4 * (size + 1) > 3 * keys.length) {
                rehash(2 * keys.length, Double.NEGATIVE_INFINITY);
                at = find(token + 1);
            }
            keys[at] = token + 1;
            size++;
        }
        fired[at]++;
        sum[at] += value;
        if (isHeldOut) {
            heldOut[at]++;
            heldOutSum[at] += value;
        }
    }

    int size() {
        return size;
    }

    /** All tokens, in no order that means anything (but always the same one). */
    Entry[] entries() {
        Entry[] entries = new Entry[size];
        int n = 0;
        for (int i = 0; i < keys.length; i++) {
            if (keys[i] != 0) {
                entries[n++] = new Entry(keys[i] - 1, fired[i], heldOut[i], sum[i], heldOutSum[i]);
            }
        }
        return entries;
    }

    /** The tokens with the largest sums, largest first; of equals the lower token. */
    static Entry[] strongest(Entry[] entries, int count) {
        PriorityQueue<Entry> best = new PriorityQueue<>(STRONGEST_FIRST.reversed());
        for (Entry e : entries) {
            if (best.size() < count) {
                best.add(e);
            } else if (STRONGEST_FIRST.compare(e, best.element()) < 0) {
                best.remove();
                best.add(e);
            }
        }
        Entry[] sorted = best.toArray(Entry[]::new);
        Arrays.sort(sorted, STRONGEST_FIRST);
        return sorted;
    }

    private int find(int key) {
        int mask = keys.length - 1;
        int at = (key * 0x9E3779B9) >>> 7 & mask;
        while (keys[at] != 0 && keys[at] != key) {
            at = at + 1 & mask;
        }
        return at;
    }

    private void forgetWeakHalf() {
        double[] sums = new double[size];
        int n = 0;
        for (int i = 0; i < keys.length; i++) {
            if (keys[i] != 0) {
                sums[n++] = sum[i];
            }
        }
        Arrays.sort(sums);
        rehash(keys.length, sums[n / 2]);
    }

    private void rehash(int capacity, double above) {
        int[] oldKeys = keys;
        int[] oldFired = fired;
        int[] oldHeldOut = heldOut;
        double[] oldSum = sum;
        double[] oldHeldOutSum = heldOutSum;
        keys = new int[capacity];
        fired = new int[capacity];
        heldOut = new int[capacity];
        sum = new double[capacity];
        heldOutSum = new double[capacity];
        size = 0;
        for (int i = 0; i < oldKeys.length; i++) {
            if (oldKeys[i] != 0 && oldSum[i] > above) {
                int at = find(oldKeys[i]);
                keys[at] = oldKeys[i];
                fired[at] = oldFired[i];
                heldOut[at] = oldHeldOut[i];
                sum[at] = oldSum[i];
                heldOutSum[at] = oldHeldOutSum[i];
                size++;
            }
        }
    }
}
