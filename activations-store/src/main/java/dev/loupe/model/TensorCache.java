package dev.loupe.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Keys and values as tensors {@code [row, kv_head, position, d_head]} that stay on the model's device. */
final class TensorCache extends TextCache {
    private final NDManager manager;
    private final @Nullable NDArray[] arrays; // keys and values of layer l at 2 l and 2 l + 1

    /**
     * An empty cache.
     *
     * @param manager lives at least as long
     */
    TensorCache(NDManager manager, ModelConfig config) {
        super(config);
        this.manager = manager;
        this.arrays = new NDArray[2 * config.nLayers()];
    }

    @Override
    void grow(int newRows, int newPositions) {
        try (NDScope scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            for (int i = 0; i < arrays.length; i++) {
                NDArray larger = manager.zeros(new Shape(newRows, heads, newPositions, width));
                NDArray old = arrays[i];
                if (old != null) {
                    larger.set(place(0, rows(), 0, positions()), old);
                    old.close();
                }
                NDScope.unregister(larger);
                arrays[i] = larger;
            }
        }
    }

    /** Padding is left out. */
    @Override
    public void append(int layer, Pass pass, NDArray k, NDArray v) {
        write(BlockState.set(arrays[2 * layer]), pass, k);
        write(BlockState.set(arrays[2 * layer + 1]), pass, v);
    }

    private void write(NDArray all, Pass pass, NDArray next) {
        try (NDScope scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            NDArray byHead = next.transpose(0, 2, 1, 3);
            boolean full = Arrays.stream(pass.lengths).allMatch(n -> n == pass.positions);
            if (full && pass.aligned()) {
                all.set(place(first(), pass.batch(), pass.start, pass.positions), byHead);
                return;
            }
            for (int b = 0; b < pass.batch(); b++) {
                NDArray row = byHead.get(place(b, 1, 0, pass.lengths[b]));
                all.set(place(first() + b, 1, pass.start(b), pass.lengths[b]), row);
            }
        }
    }

    /** So many rows from one on, all heads, so many positions from one on. */
    private static NDIndex place(int row, int rows, int position, int positions) {
        return new NDIndex().addSliceDim(row, row + rows).addAllDim().addSliceDim(position, position + positions);
    }

    @Override
    public NDArray keys(int layer, Pass pass) {
        return part(2 * layer, pass);
    }

    @Override
    public NDArray values(int layer, Pass pass) {
        return part(2 * layer + 1, pass);
    }

    private NDArray part(int i, Pass pass) {
        return BlockState.set(arrays[i])
                .get(pass.manager, place(first(), pass.batch(), 0, pass.keys()))
                .reshape((long) pass.batch() * heads, pass.keys(), width);
    }

    @Override
    void copy(int from, int to, int length) {
        try (NDScope scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            for (NDArray array : arrays) {
                NDArray all = BlockState.set(array);
                all.set(place(to, 1, 0, length), all.get(place(from, 1, 0, length)));
            }
        }
    }

    @Override
    void erase(int row, int length) {
        try (NDScope scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            for (NDArray array : arrays) {
                BlockState.set(array).set(place(row, 1, 0, length), manager.zeros(new Shape(1, heads, length, width)));
            }
        }
    }

    @Override
    void free() {
        for (int i = 0; i < arrays.length; i++) {
            NDArray array = arrays[i];
            if (array != null) {
                array.close();
                arrays[i] = null;
            }
        }
    }
}
