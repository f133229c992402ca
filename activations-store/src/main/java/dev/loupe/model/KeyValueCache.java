package dev.loupe.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDScope;
import org.jspecify.annotations.Nullable;

/** Rotated keys and values of every position so far, by layer, each {@code [batch, pos, kv_head, d_head]}. */
final class KeyValueCache {
    private final @Nullable NDArray[] keys;
    private final @Nullable NDArray[] values;
    private int length;

    KeyValueCache(int layers) {
        keys = new NDArray[layers];
        values = new NDArray[layers];
    }

    /** Number of positions of which keys and values are kept. */
    int length() {
        return length;
    }

    /** Says that a pass over so many positions is over. */
    void advance(int positions) {
        length += positions;
    }

    NDArray appendKeys(int layer, NDArray k) {
        return append(keys, layer, k);
    }

    NDArray appendValues(int layer, NDArray v) {
        return append(values, layer, v);
    }

    private static NDArray append(@Nullable NDArray[] store, int layer, NDArray next) {
        NDArray old = store[layer];
        NDArray all = old == null ? next.duplicate() : NDArrays.concat(new NDList(old, next), 1);
        NDScope.unregister(all); // lives until the next step replaces it or the manager closes
        if (old != null) {
            old.close();
        }
        store[layer] = all;
        return all;
    }
}
