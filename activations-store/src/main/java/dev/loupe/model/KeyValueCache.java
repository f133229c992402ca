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

    /** Copies of the first positions of every layer, in a manager of the caller's. */
    KeyValueCache first(int positions, ai.djl.ndarray.NDManager manager) {
        KeyValueCache part = new KeyValueCache(keys.length);
        for (int layer = 0; layer < keys.length && positions > 0; layer++) {
            part.keys[layer] = kept(BlockState.set(keys[layer]), positions, manager);
            part.values[layer] = kept(BlockState.set(values[layer]), positions, manager);
        }
        part.length = positions;
        return part;
    }

    private static NDArray kept(NDArray all, int positions, ai.djl.ndarray.NDManager manager) {
        NDArray part = all.get(new ai.djl.ndarray.index.NDIndex().addAllDim().addSliceDim(0, positions))
                .duplicate();
        part.attach(manager);
        NDScope.unregister(part);
        return part;
    }

    /** The same positions for every row of a batch; the caches share memory. */
    KeyValueCache repeated(int rows) {
        KeyValueCache all = new KeyValueCache(keys.length);
        for (int layer = 0; layer < keys.length; layer++) {
            all.keys[layer] = repeated(keys[layer], rows);
            all.values[layer] = repeated(values[layer], rows);
        }
        all.length = length;
        return all;
    }

    private static @Nullable NDArray repeated(@Nullable NDArray one, int rows) {
        if (one == null) {
            return null;
        }
        return one.broadcast(
                rows,
                one.getShape().get(1),
                one.getShape().get(2),
                one.getShape().get(3));
    }

    /** Frees everything. */
    void close() {
        for (int layer = 0; layer < keys.length; layer++) {
            if (keys[layer] != null) {
                BlockState.set(keys[layer]).close();
                BlockState.set(values[layer]).close();
            }
        }
    }
}
