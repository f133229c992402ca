package dev.loupe.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.index.NDIndex;
import dev.loupe.kernel.Attention;
import dev.loupe.tensor.Torch;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Keys and values in plain memory, {@code [row, kv_head, position, d_head]} by layer. */
final class KeyValueCache extends TextCache {
    private final NDManager manager;
    private final MemorySegment[] memory; // keys and values of layer l at 2 l and 2 l + 1
    private final @Nullable NDArray[] arrays;
    private @Nullable Arena arena;

    /**
     * An empty cache.
     *
     * @param manager lives at least as long
     */
    KeyValueCache(NDManager manager, ModelConfig config) {
        super(config);
        this.manager = manager;
        this.memory = new MemorySegment[2 * config.nLayers()];
        this.arrays = new NDArray[memory.length];
    }

    /** Bytes that one position of one row takes. */
    static long bytesPerPosition(ModelConfig config) {
        return 2L * 4 * config.nLayers() * config.nKeyValueHeads() * config.dHead();
    }

    @SuppressWarnings("MustBeClosedChecker") // the arena lives until the next growth or close()
    @Override
    void grow(int newRows, int newPositions) {
        Arena next = Arena.ofConfined();
        for (int i = 0; i < memory.length; i++) {
            MemorySegment larger = next.allocate(4L * newRows * heads * newPositions * width, 64);
            for (int r = 0; r < rows(); r++) {
                for (int head = 0; head < heads && length(r) > 0; head++) {
                    MemorySegment.copy(
                            memory[i],
                            4L * (r * heads + head) * positions() * width,
                            larger,
                            4L * (r * heads + head) * newPositions * width,
                            4L * length(r) * width);
                }
            }
            NDArray old = arrays[i];
            if (old != null) {
                old.close();
            }
            memory[i] = larger;
            NDArray array = Torch.wrap(manager, larger, (long) newRows * heads, newPositions, width);
            NDScope.unregister(array);
            arrays[i] = array;
        }
        if (arena != null) {
            arena.close();
        }
        arena = next;
    }

    /** Padding is left out. */
    @Override
    public void append(int layer, Pass pass, NDArray k, NDArray v) {
        append(layer, pass, Torch.view(k), Torch.view(v));
    }

    /** The same from memory {@code [batch, pos, kv_head, d_head]}. */
    void append(int layer, Pass pass, MemorySegment k, MemorySegment v) {
        write(memory[2 * layer], pass, k);
        write(memory[2 * layer + 1], pass, v);
    }

    /** Where the keys of the rows of the next pass lie. */
    Attention.Layout keysAt(int layer) {
        return layout(memory[2 * layer]);
    }

    /** Where the values of the rows of the next pass lie. */
    Attention.Layout valuesAt(int layer) {
        return layout(memory[2 * layer + 1]);
    }

    private Attention.Layout layout(MemorySegment all) {
        long row = (long) heads * positions() * width;
        return new Attention.Layout(all.asSlice(4 * first() * row), row, (long) positions() * width, width);
    }

    private void write(MemorySegment to, Pass pass, MemorySegment from) {
        for (int b = 0; b < pass.batch(); b++) {
            for (int p = 0; p < pass.lengths[b]; p++) {
                long source = (long) (b * pass.positions + p) * heads;
                long target = (long) (first() + b) * heads * positions() + pass.start(b) + p;
                for (int head = 0; head < heads; head++) {
                    MemorySegment.copy(
                            from,
                            4 * (source + head) * width,
                            to,
                            4 * (target + (long) head * positions()) * width,
                            4L * width);
                }
            }
        }
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
        NDIndex rows = new NDIndex()
                .addSliceDim((long) first() * heads, (long) (first() + pass.batch()) * heads)
                .addSliceDim(0, pass.keys());
        return BlockState.set(arrays[i]).get(pass.manager, rows);
    }

    @Override
    void copy(int from, int to, int length) {
        for (MemorySegment m : memory) {
            for (int head = 0; head < heads; head++) {
                MemorySegment.copy(
                        m,
                        4L * (from * heads + head) * positions() * width,
                        m,
                        4L * (to * heads + head) * positions() * width,
                        4L * length * width);
            }
        }
    }

    @Override
    void erase(int row, int length) {
        for (MemorySegment m : memory) {
            for (int head = 0; head < heads; head++) {
                m.asSlice(4L * (row * heads + head) * positions() * width, 4L * length * width)
                        .fill((byte) 0);
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
        if (arena != null) {
            arena.close();
            arena = null;
        }
    }
}
