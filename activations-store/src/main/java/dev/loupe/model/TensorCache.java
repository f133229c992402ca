package dev.loupe.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Keys and values as tensors {@code [row, kv_head, position, d_head]} that stay on the model's device. */
final class TensorCache implements TextCache {
    private static final int FEWEST_POSITIONS = 64;

    private final NDManager manager;
    private final int heads;
    private final int width;
    private final int most;
    private final @Nullable NDArray[] arrays; // keys and values of layer l at 2 l and 2 l + 1
    private int[] lengths = new int[0];
    private int positions;
    private int first;

    /**
     * An empty cache.
     *
     * @param manager lives at least as long
     */
    TensorCache(NDManager manager, ModelConfig config) {
        this.manager = manager;
        this.heads = config.nKeyValueHeads();
        this.width = config.dHead();
        this.most = config.nCtx();
        this.arrays = new NDArray[2 * config.nLayers()];
    }

    @Override
    public int rows() {
        return lengths.length;
    }

    @Override
    public int positions() {
        return positions;
    }

    @Override
    public int length(int row) {
        return lengths[row];
    }

    @Override
    public void reserve(int rows, int wanted) {
        if (rows <= lengths.length && wanted <= positions) {
            return;
        }
        int newRows = rows <= lengths.length ? lengths.length : Math.max(rows, 2 * lengths.length);
        int grown = Math.max(wanted, Math.max(FEWEST_POSITIONS, 2 * positions));
        int newPositions = wanted <= positions ? positions : Math.max(wanted, Math.min(grown, most));
        try (NDScope scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            for (int i = 0; i < arrays.length; i++) {
                NDArray larger = manager.zeros(new Shape(newRows, heads, newPositions, width));
                NDArray old = arrays[i];
                if (old != null) {
                    larger.set(place(0, lengths.length, 0, positions), old);
                    old.close();
                }
                NDScope.unregister(larger);
                arrays[i] = larger;
            }
        }
        lengths = Arrays.copyOf(lengths, newRows);
        positions = newPositions;
    }

    @Override
    public void at(int row) {
        first = row;
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
                all.set(place(first, pass.batch(), pass.start, pass.positions), byHead);
                return;
            }
            for (int b = 0; b < pass.batch(); b++) {
                NDArray row = byHead.get(place(b, 1, 0, pass.lengths[b]));
                all.set(place(first + b, 1, pass.start(b), pass.lengths[b]), row);
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
                .get(pass.manager, place(first, pass.batch(), 0, pass.keys()))
                .reshape((long) pass.batch() * heads, pass.keys(), width);
    }

    @Override
    public void advance(Pass pass) {
        for (int b = 0; b < pass.batch(); b++) {
            lengths[first + b] += pass.lengths[b];
        }
    }

    @Override
    public void move(int from, int to) {
        clear(to);
        if (from == to) {
            return;
        }
        int n = lengths[from];
        try (NDScope scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            for (NDArray array : arrays) {
                NDArray all = BlockState.set(array);
                all.set(place(to, 1, 0, n), all.get(place(from, 1, 0, n)));
            }
        }
        lengths[to] = n;
        clear(from);
    }

    @Override
    public void clear(int row) {
        int n = lengths[row];
        try (NDScope scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            for (int i = 0; i < arrays.length && n > 0; i++) {
                BlockState.set(arrays[i]).set(place(row, 1, 0, n), manager.zeros(new Shape(1, heads, n, width)));
            }
        }
        lengths[row] = 0;
    }

    @Override
    public void close() {
        for (int i = 0; i < arrays.length; i++) {
            NDArray array = arrays[i];
            if (array != null) {
                array.close();
                arrays[i] = null;
            }
        }
        lengths = new int[0];
        positions = 0;
    }
}
