package dev.loupe.kernel;

import static dev.loupe.kernel.Native.L;

import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * A matrix {@code [rows, cols]} of weights, row-major, in the type it is stored in: the file itself mapped into memory, if
 * its layout fits. Does not own its memory.
 */
public final class StoredMatrix {
    static final VectorSpecies<Integer> INTS = IntVector.SPECIES_PREFERRED;
    static final VectorSpecies<Short> SHORTS =
            VectorSpecies.of(short.class, jdk.incubator.vector.VectorShape.forBitSize(16 * L));

    private static final int ROWS_PER_TASK = 64;
    private static final ThreadLocal<Scratch> DECODED = Scratch.perThread();

    private final MemorySegment memory;
    private final Storage storage;
    private final int rows;
    private final int cols;
    private final long rowBytes;
    private final PanelType products;

    /**
     * Creates a view of memory.
     *
     * @param memory native, exactly as long as the rows are
     */
    public StoredMatrix(MemorySegment memory, Storage storage, long rows, long cols) {
        this(memory, storage, rows, cols, PanelType.FLOAT32);
    }

    private StoredMatrix(MemorySegment memory, Storage storage, long rows, long cols, PanelType products) {
        this.rows = Math.toIntExact(rows);
        this.cols = Math.toIntExact(cols);
        this.rowBytes = storage.rowBytes(cols);
        if (!memory.isNative() || memory.byteSize() != Math.multiplyExact(rows, rowBytes)) {
            throw new IllegalArgumentException(
                    memory + " is no native memory of " + rows + " x " + cols + " values as " + storage);
        }
        this.memory = memory;
        this.storage = storage;
        this.products = products;
    }

    /** In which numbers products take both sides; few rows times ggml's blocks are always multiplied as float32. */
    public PanelType products() {
        return products;
    }

    /** The same matrix for products in other numbers: float32 or bfloat16. */
    public StoredMatrix forProducts(PanelType type) {
        if (type.isInteger()) {
            throw new IllegalArgumentException("weights are not rounded to integers");
        }
        return new StoredMatrix(memory, storage, rows, cols, type);
    }

    /** The number of rows. */
    public int rows() {
        return rows;
    }

    /** The number of columns. */
    public int cols() {
        return cols;
    }

    /** How values are stored. */
    public Storage storage() {
        return storage;
    }

    /** The memory. */
    public MemorySegment memory() {
        return memory;
    }

    /** Bytes of one row. */
    public long rowBytes() {
        return rowBytes;
    }

    /** A view of the rows [from, to). */
    public StoredMatrix rows(int from, int to) {
        java.util.Objects.checkFromToIndex(from, to, rows);
        return new StoredMatrix(
                memory.asSlice(from * rowBytes, (to - from) * rowBytes), storage, to - from, cols, products);
    }

    /**
     * Writes the rows with these numbers as float32, one after another.
     *
     * @param target {@code [ids.length, cols]}
     */
    public void gather(int[] ids, MemorySegment target) {
        long out = Native.address(target, 4L * ids.length * cols);
        for (int i = 0; i < ids.length; i++) {
            decode(java.util.Objects.checkIndex(ids[i], rows), 0, cols, out + 4L * i * cols);
        }
        Reference.reachabilityFence(memory);
        Reference.reachabilityFence(target);
    }

    /**
     * Writes the transposed matrix as float32, on all threads, in squares that stay in the processor's caches.
     *
     * @param target {@code [cols, rows]}
     */
    public void decodeTransposed(MemorySegment target) {
        long out = Native.address(target, 4L * rows * cols);
        int square = 64;
        Team.run(Math.ceilDiv(rows, square), task -> {
            int end = Math.min(rows, (task + 1) * square);
            long decoded = DECODED.get().address(4L * square * cols);
            for (int r = task * square; r < end; r++) {
                decode(r, 0, cols, decoded + 4L * (r - task * square) * cols);
            }
            for (int c0 = 0; c0 < cols; c0 += square) {
                for (int c = c0; c < Math.min(cols, c0 + square); c++) {
                    for (int r = task * square; r < end; r++) {
                        float v = Native.get(decoded + 4L * ((long) (r - task * square) * cols + c));
                        Native.set(out + 4L * ((long) c * rows + r), v);
                    }
                }
            }
        });
        Reference.reachabilityFence(memory);
        Reference.reachabilityFence(target);
    }

    /**
     * Writes all values rounded to bfloat16, to the nearest, on all threads.
     *
     * @param target {@code [rows, cols]} of two bytes each
     */
    public void round(MemorySegment target) {
        long out = Native.address(target, 2L * rows * cols);
        Team.run(Math.ceilDiv(rows, ROWS_PER_TASK), task -> {
            long decoded = DECODED.get().address(4L * cols + 2L * (cols + 1));
            long halves = decoded + 4L * cols;
            for (int r = task * ROWS_PER_TASK; r < Math.min(rows, (task + 1) * ROWS_PER_TASK); r++) {
                decode(r, 0, cols, decoded);
                Packing.row(PanelType.BFLOAT16, decoded, cols, 1, halves, 4); // pairs, one after another
                Native.copy(halves, out + 2L * r * cols, 2L * cols);
            }
        });
        Reference.reachabilityFence(memory);
        Reference.reachabilityFence(target);
    }

    /** Writes rows as float32. */
    public void decode(int from, int to, MemorySegment target) {
        java.util.Objects.checkFromToIndex(from, to, rows);
        long out = Native.address(target, 4L * (to - from) * cols);
        for (int row = from; row < to; row++) {
            decode(row, 0, cols, out + 4L * (row - from) * cols);
        }
        Reference.reachabilityFence(memory);
        Reference.reachabilityFence(target);
    }

    /** The address of a row. */
    long address(int row) {
        return memory.address() + row * rowBytes;
    }

    /** Writes columns [from, from + n) of a row as float32; {@code from} begins a block. */
    void decode(int row, int from, int n, long out) {
        long at = address(row) + storage.rowBytes(from);
        switch (storage) {
            case FLOAT32 -> Native.copy(at, out, 4L * n);
            case BFLOAT16 -> halves(at, n, out);
            case Q8_0, Q4_0, Q4_1 -> BlockDots.decode(storage, at, n, out);
        }
    }

    private static void halves(long at, int n, long out) {
        int i = 0;
        for (int end = n - L; i <= end; i += L) {
            ShortVector v =
                    ShortVector.fromMemorySegment(SHORTS, Native.all(), at + 2L * i, java.nio.ByteOrder.LITTLE_ENDIAN);
            IntVector bits = (IntVector) v.convertShape(VectorOperators.ZERO_EXTEND_S2I, INTS, 0);
            FloatVector f = bits.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
            Native.store(f, out + 4L * i);
        }
        for (; i < n; i++) {
            Native.set(out + 4L * i, half(at + 2L * i));
        }
    }

    static float half(long address) {
        return Float.intBitsToFloat(Native.getShort(address) << 16);
    }

    @Override
    public String toString() {
        return "StoredMatrix[" + rows + " x " + cols + " " + storage + "]";
    }
}
