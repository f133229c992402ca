package dev.loupe.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.types.Shape;
import org.jspecify.annotations.Nullable;

/**
 * Keys and values of a run that others begin with, by layer, each {@code [batch, pos, kv_head, d_head]}. Nothing is ever
 * written over, so that many runs may share them.
 */
final class SharedKeys implements KeysAndValues {
    private final @Nullable NDArray[] keys;
    private final @Nullable NDArray[] values;

    SharedKeys(int layers) {
        keys = new NDArray[layers];
        values = new NDArray[layers];
    }

    @Override
    public void append(int layer, Pass pass, NDArray k, NDArray v) {
        append(keys, layer, k);
        append(values, layer, v);
    }

    @Override
    public NDArray keys(int layer, Pass pass) {
        return byHead(BlockState.set(keys[layer]));
    }

    @Override
    public NDArray values(int layer, Pass pass) {
        return byHead(BlockState.set(values[layer]));
    }

    private static NDArray byHead(NDArray x) {
        Shape s = x.getShape();
        return x.transpose(0, 2, 1, 3).reshape(s.get(0) * s.get(2), s.get(1), s.get(3));
    }

    private static void append(@Nullable NDArray[] store, int layer, NDArray next) {
        NDArray old = store[layer];
        NDArray all = old == null ? next.duplicate() : NDArrays.concat(new NDList(old, next), 1);
        NDScope.unregister(all); // lives until the next step replaces it or the manager closes
        if (old != null) {
            old.close();
        }
        store[layer] = all;
    }

    /** Copies of the first positions of every layer, in a manager of the caller's. */
    SharedKeys first(int positions, ai.djl.ndarray.NDManager manager) {
        SharedKeys part = new SharedKeys(keys.length);
        for (int layer = 0; layer < keys.length && positions > 0; layer++) {
            part.keys[layer] = kept(BlockState.set(keys[layer]), positions, manager);
            part.values[layer] = kept(BlockState.set(values[layer]), positions, manager);
        }
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
    SharedKeys repeated(int rows) {
        SharedKeys all = new SharedKeys(keys.length);
        for (int layer = 0; layer < keys.length; layer++) {
            all.keys[layer] = repeated(keys[layer], rows);
            all.values[layer] = repeated(values[layer], rows);
        }
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
