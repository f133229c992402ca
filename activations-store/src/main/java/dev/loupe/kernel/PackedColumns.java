package dev.loupe.kernel;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.ref.Reference;

/**
 * The right side w of many products x · w in float32, packed once: unlike {@link PackedPanels} sums run over the rows of w,
 * which are copied as they lie. Rows of w are taken in blocks that fit the caches; a product is made block by block, and its
 * caller adds them up. x is written number by number into a {@link Tile}, since most of it is zero where this is needed.
 */
public final class PackedColumns {
    /** Rows of w in a block, at most. */
    public static final int BLOCK = 512;

    private static final int PANEL = PackedPanels.PANEL;
    private static final int GROUP = PackedPanels.GROUP;

    private final int outputs;
    private final int[] starts;
    private final int[] blockOf;
    private final MemorySegment memory;

    /**
     * Room for w, all zero, as long as the arena lives.
     *
     * @param ends ascending; no block reaches over one of them, the last is the number of rows of w
     * @param outputs columns of w
     */
    public PackedColumns(Arena arena, int[] ends, int outputs) {
        this.outputs = outputs;
        int rows = ends[ends.length - 1];
        this.blockOf = new int[rows];
        int count = 0;
        int from = 0;
        int[] begins = new int[rows + 1];
        for (int end : ends) {
            for (; from < end; from = Math.min(end, from + BLOCK)) {
                java.util.Arrays.fill(blockOf, from, Math.min(end, from + BLOCK), count);
                begins[count++] = from;
            }
        }
        begins[count] = rows;
        this.starts = java.util.Arrays.copyOf(begins, count + 1);
        this.memory = arena.allocate(4L * rows * stride(), 64);
    }

    /** The number of rows of w. */
    public int inner() {
        return blockOf.length;
    }

    /** The number of columns of w. */
    public int outputs() {
        return outputs;
    }

    /** The number of blocks. */
    public int blocks() {
        return starts.length - 1;
    }

    /** The first row of a block; of the number of blocks, the number of rows. */
    public int start(int block) {
        return starts[block];
    }

    /** Sums of a row of a product, those of the last panel that do not exist included. */
    public int stride() {
        return Math.ceilDiv(outputs, PANEL) * PANEL;
    }

    private long place(int row, int panel) {
        int b = blockOf[row];
        int size = starts[b + 1] - starts[b];
        return 4L * starts[b] * stride() + 4L * PANEL * ((long) panel * size + row - starts[b]);
    }

    /** Replaces a row of w by {@code outputs} values from {@code offset}. */
    public void setRow(int row, float[] source, int offset) {
        for (int j = 0, p = 0; j < outputs; j += PANEL, p++) {
            MemorySegment.copy(
                    source, offset + j, memory, ValueLayout.JAVA_FLOAT, place(row, p), Math.min(PANEL, outputs - j));
        }
    }

    /** Replaces a row of w by {@code outputs} floats from a byte offset. */
    public void setRow(int row, MemorySegment source, long offset) {
        for (int j = 0, p = 0; j < outputs; j += PANEL, p++) {
            MemorySegment.copy(source, offset + 4L * j, memory, place(row, p), 4L * Math.min(PANEL, outputs - j));
        }
    }

    /** Room for some rows of x, all zero, as long as the arena lives. */
    public Tile tile(Arena arena, int rows) {
        return new Tile(arena, Math.ceilDiv(rows, GROUP));
    }

    /** Some rows of x. */
    public final class Tile {
        private final int groups;
        private final MemorySegment x;
        private final long address;
        private final boolean[] touched = new boolean[blocks()];

        private Tile(Arena arena, int groups) {
            this.groups = groups;
            this.x = arena.allocate(4L * GROUP * groups * inner(), 64);
            this.address = x.address();
        }

        /** Of what it is a left side. */
        public PackedColumns columns() {
            return PackedColumns.this;
        }

        /** Sets all to zero. */
        public void clear() {
            for (int b = 0; b < touched.length; b++) {
                if (touched[b]) {
                    long from = 4L * GROUP * groups * starts[b];
                    x.asSlice(from, 4L * GROUP * groups * starts[b + 1] - from).fill((byte) 0);
                    touched[b] = false;
                }
            }
        }

        /** x[row][k] += value. */
        public void add(int row, int k, float value) {
            long at = place(row, k);
            touched[blockOf[k]] = true;
            Native.set(at, Native.get(at) + value);
        }

        /** x[row][k]. */
        public float get(int row, int k) {
            return Native.get(place(row, k));
        }

        private long place(int row, int k) {
            java.util.Objects.checkIndex(row, groups * GROUP);
            int b = blockOf[k];
            long size = starts[b + 1] - starts[b];
            return address
                    + 4L * GROUP * ((long) groups * starts[b] + size * (row / GROUP) + k - starts[b])
                    + 4L * (row % GROUP);
        }

        /**
         * The part of x · w that one block makes.
         *
         * @param out native memory, [rows up to whole groups, {@link #stride}] float32, overwritten
         * @return false if x is zero there; nothing is written then
         */
        public boolean multiply(int block, MemorySegment out) {
            if (!touched[block]) {
                return false;
            }
            long steps = starts[block + 1] - starts[block];
            long bytes = 4L * stride();
            long o = Native.address(out, bytes * groups * GROUP);
            for (int p = 0; p * PANEL < outputs; p++) {
                PanelKernel.multiply(
                        PanelType.FLOAT32,
                        address + 4L * GROUP * groups * starts[block],
                        memory.address() + 4L * starts[block] * stride() + 4L * PANEL * p * steps,
                        steps,
                        o + 4L * PANEL * p,
                        bytes,
                        groups);
            }
            Reference.reachabilityFence(x);
            Reference.reachabilityFence(memory);
            Reference.reachabilityFence(out);
            return true;
        }
    }
}
