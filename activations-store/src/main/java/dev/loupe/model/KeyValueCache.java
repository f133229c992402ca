package dev.loupe.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.index.NDIndex;
import dev.loupe.kernel.Attention;
import dev.loupe.tensor.Torch;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Keys and values in memory that grows geometrically, {@code [row, kv_head, position, d_head]} by layer. */
final class KeyValueCache implements TextCache {
    private static final int FEWEST_POSITIONS = 64;

    private final NDManager manager;
    private final int heads;
    private final int width;
    private final int most;
    private final MemorySegment[] memory; // keys and values of layer l at 2 l and 2 l + 1
    private final @Nullable NDArray[] arrays;
    private int[] lengths = new int[0];
    private int positions;
    private int first;
    private @Nullable Arena arena;

    /**
     * An empty cache.
     *
     * @param manager lives at least as long
     */
    KeyValueCache(NDManager manager, ModelConfig config) {
        this.manager = manager;
        this.heads = config.nKeyValueHeads();
        this.width = config.dHead();
        this.most = config.nCtx();
        this.memory = new MemorySegment[2 * config.nLayers()];
        this.arrays = new NDArray[memory.length];
    }

    /** Bytes that one position of one row takes. */
    static long bytesPerPosition(ModelConfig config) {
        return 2L * 4 * config.nLayers() * config.nKeyValueHeads() * config.dHead();
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

    @SuppressWarnings("MustBeClosedChecker") // the arena lives until the next growth or close()
    @Override
    public void reserve(int rows, int wanted) {
        if (rows <= lengths.length && wanted <= positions) {
            return;
        }
        int newRows = rows <= lengths.length ? lengths.length : Math.max(rows, 2 * lengths.length);
        int grown = Math.max(wanted, Math.max(FEWEST_POSITIONS, 2 * positions));
        int newPositions = wanted <= positions ? positions : Math.max(wanted, Math.min(grown, most));
        Arena next = Arena.ofConfined();
        for (int i = 0; i < memory.length; i++) {
            MemorySegment larger = next.allocate(4L * newRows * heads * newPositions * width, 64);
            for (int r = 0; r < lengths.length; r++) {
                for (int head = 0; head < heads && lengths[r] > 0; head++) {
                    MemorySegment.copy(
                            memory[i],
                            4L * (r * heads + head) * positions * width,
                            larger,
                            4L * (r * heads + head) * newPositions * width,
                            4L * lengths[r] * width);
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
        long row = (long) heads * positions * width;
        return new Attention.Layout(all.asSlice(4 * first * row), row, (long) positions * width, width);
    }

    private void write(MemorySegment to, Pass pass, MemorySegment from) {
        for (int b = 0; b < pass.batch(); b++) {
            for (int p = 0; p < pass.lengths[b]; p++) {
                long source = (long) (b * pass.positions + p) * heads;
                long target = (long) (first + b) * heads * positions + pass.start(b) + p;
                for (int head = 0; head < heads; head++) {
                    MemorySegment.copy(
                            from,
                            4 * (source + head) * width,
                            to,
                            4 * (target + (long) head * positions) * width,
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
                .addSliceDim((long) first * heads, (long) (first + pass.batch()) * heads)
                .addSliceDim(0, pass.keys());
        return BlockState.set(arrays[i]).get(pass.manager, rows);
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
        for (MemorySegment m : memory) {
            for (int head = 0; head < heads; head++) {
                MemorySegment.copy(
                        m,
                        4L * (from * heads + head) * positions * width,
                        m,
                        4L * (to * heads + head) * positions * width,
                        4L * lengths[from] * width);
            }
        }
        lengths[to] = lengths[from];
        clear(from);
    }

    @Override
    public void clear(int row) {
        for (MemorySegment m : memory) {
            for (int head = 0; head < heads && lengths[row] > 0; head++) {
                m.asSlice(4L * (row * heads + head) * positions * width, 4L * lengths[row] * width)
                        .fill((byte) 0);
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
        if (arena != null) {
            arena.close();
            arena = null;
        }
        lengths = new int[0];
        positions = 0;
    }
}
