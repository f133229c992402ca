package dev.loupe.math;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.loupe.base.UsageException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * A dense matrix of float32, row-major and without gaps, over a memory segment (usually off-heap, so that more than
 * 2<sup>31</sup> values fit). A {@code Matrix} does not own its memory: it is valid as long as the segment's arena.
 * Elements are in native byte order and may lie at any alignment.
 */
public final class Matrix {
    /** Bytes of one element. */
    public static final long BYTES = Float.BYTES;

    static final ValueLayout.OfFloat FLOAT = JAVA_FLOAT_UNALIGNED;

    private final MemorySegment segment;
    private final long rows;
    private final int cols;

    private Matrix(MemorySegment segment, long rows, int cols) {
        this.segment = segment;
        this.rows = rows;
        this.cols = cols;
    }

    /** A matrix of zeros, 64-byte aligned, that lives as long as the arena. */
    public static Matrix allocate(Arena arena, long rows, int cols) {
        return new Matrix(arena.allocate(bytes(rows, cols), 64), rows, cols);
    }

    /**
     * A view of existing memory.
     *
     * @throws UsageException if the segment has not exactly {@code rows · cols} floats
     */
    public static Matrix of(MemorySegment segment, long rows, int cols) {
        if (segment.byteSize() != bytes(rows, cols)) {
            throw new UsageException("A matrix of " + rows + " x " + cols + " floats needs " + bytes(rows, cols)
                    + " bytes of memory, but " + segment.byteSize() + " were given.");
        }
        return new Matrix(segment, rows, cols);
    }

    /** A copy of an array of rows of equal length, in memory that is freed by the garbage collector. */
    public static Matrix copyOf(float[][] rows) {
        int cols = rows.length == 0 ? 0 : rows[0].length;
        Matrix m = allocate(Arena.ofAuto(), rows.length, cols);
        for (int r = 0; r < rows.length; r++) {
            m.setRow(r, rows[r]);
        }
        return m;
    }

    /** A copy of values in row-major order, in memory that is freed by the garbage collector. */
    public static Matrix copyOf(float[] values, long rows, int cols) {
        if (values.length != Math.multiplyExact(rows, (long) cols)) {
            throw new UsageException(
                    "A matrix of " + rows + " x " + cols + " cannot be made of " + values.length + " values.");
        }
        Matrix m = allocate(Arena.ofAuto(), rows, cols);
        MemorySegment.copy(values, 0, m.segment, FLOAT, 0, values.length);
        return m;
    }

    private static long bytes(long rows, int cols) {
        if (rows < 0 || cols < 0) {
            throw new UsageException("A matrix cannot have " + rows + " x " + cols + " elements.");
        }
        return Math.multiplyExact(Math.multiplyExact(rows, (long) cols), BYTES);
    }

    /** The number of rows. */
    public long rows() {
        return rows;
    }

    /** The number of columns. */
    public int cols() {
        return cols;
    }

    /** The memory: element (r, c) lies at byte {@code offset(r) + 4·c}. */
    public MemorySegment segment() {
        return segment;
    }

    /** The byte offset of a row in {@link #segment()}. */
    public long offset(long row) {
        return row * cols * BYTES;
    }

    /** One element. */
    public float get(long r, int c) {
        check(r, c);
        return segment.get(FLOAT, offset(r) + c * BYTES);
    }

    /** Changes one element. */
    public void set(long r, int c, float v) {
        check(r, c);
        segment.set(FLOAT, offset(r) + c * BYTES, v);
    }

    private void check(long r, int c) {
        if (r < 0 || r >= rows || c < 0 || c >= cols) {
            throw new IndexOutOfBoundsException(
                    "(" + r + ", " + c + ") is outside a " + rows + " x " + cols + " matrix");
        }
    }

    /** A view of the rows {@code from} (inclusive) to {@code to} (exclusive), sharing memory. */
    public Matrix rows(long from, long to) {
        if (from < 0 || to < from || to > rows) {
            throw new IndexOutOfBoundsException("rows " + from + " to " + to + " of " + rows);
        }
        return new Matrix(segment.asSlice(offset(from), bytes(to - from, cols)), to - from, cols);
    }

    /** Copies one row into the beginning of {@code dst}. */
    public void copyRow(long r, float[] dst) {
        check(r, cols - 1);
        MemorySegment.copy(segment, FLOAT, offset(r), dst, 0, cols);
    }

    /** Changes one row. */
    public void setRow(long r, float[] values) {
        if (values.length != cols || r < 0 || r >= rows) {
            throw new IndexOutOfBoundsException(
                    values.length + " values for row " + r + " of a " + rows + " x " + cols + " matrix");
        }
        MemorySegment.copy(values, 0, segment, FLOAT, offset(r), cols);
    }

    /** A copy of one row. */
    public float[] row(long r) {
        float[] row = new float[cols];
        if (cols > 0) {
            copyRow(r, row);
        }
        return row;
    }

    /** Copies all elements of a matrix of the same shape into this one. */
    public void copyFrom(Matrix other) {
        if (other.rows != rows || other.cols != cols) {
            throw new UsageException("A " + other.rows + " x " + other.cols + " matrix cannot be copied into a " + rows
                    + " x " + cols + " one.");
        }
        segment.copyFrom(other.segment);
    }

    /** Copies all elements into columns of a matrix with as many rows or more, from column {@code first} on. */
    public void copyInto(Matrix dst, int first) {
        if (first < 0 || first + cols > dst.cols || rows > dst.rows) {
            throw new UsageException("A " + rows + " x " + cols + " matrix does not fit into the columns from " + first
                    + " on of a " + dst.rows + " x " + dst.cols + " one.");
        }
        for (long r = 0; r < rows; r++) {
            MemorySegment.copy(segment, offset(r), dst.segment, dst.offset(r) + first * BYTES, cols * BYTES);
        }
    }

    /** The columns {@code from} (inclusive) to {@code to} (exclusive) as a copy. */
    public Matrix columns(int from, int to, Arena arena) {
        if (from < 0 || to < from || to > cols) {
            throw new IndexOutOfBoundsException("columns " + from + " to " + to + " of " + cols);
        }
        Matrix part = allocate(arena, rows, to - from);
        for (long r = 0; r < rows; r++) {
            MemorySegment.copy(segment, offset(r) + from * BYTES, part.segment, part.offset(r), part.cols * BYTES);
        }
        return part;
    }

    /** The transposed matrix [cols, rows] as a copy; the row count must fit an int. */
    public Matrix transposed(Arena arena) {
        int n = Math.toIntExact(rows);
        Matrix t = allocate(arena, cols, n);
        int block = 32; // both sides stay in the first-level cache
        for (int r0 = 0; r0 < n; r0 += block) {
            int r1 = Math.min(n, r0 + block);
            for (int c0 = 0; c0 < cols; c0 += block) {
                int c1 = Math.min(cols, c0 + block);
                for (int r = r0; r < r1; r++) {
                    for (int c = c0; c < c1; c++) {
                        t.segment.set(FLOAT, ((long) c * n + r) * BYTES, segment.get(FLOAT, offset(r) + c * BYTES));
                    }
                }
            }
        }
        return t;
    }

    @Override
    public String toString() {
        return "Matrix[" + rows + " x " + cols + "]";
    }
}
