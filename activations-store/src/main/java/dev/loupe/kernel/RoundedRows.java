package dev.loupe.kernel;

/**
 * One to eight rows of x, rounded to bfloat16 once, times bfloat16 weights where they lie: machine code where it runs
 * ({@link DotKernel}), else Java with the same bits on vectors of 16 lanes. What a row has beyond whole steps is added value by
 * value. Every sum has the bits that it has alone.
 */
final class RoundedRows {
    private static final ThreadLocal<Scratch> VALUES = Scratch.perThread();
    private static final ThreadLocal<Scratch> RESULTS = Scratch.perThread();

    private final int rows;
    private final int n;
    private final int steps;
    private final boolean machine;
    private final long halves; // [rows][n], whole lanes
    private final long halvesRow;
    private final long ordered; // as the machine code reads them, or interleaved floats

    private RoundedRows(int rows, int n, boolean machine, long memory) {
        this.rows = rows;
        this.n = n;
        this.steps = n / DotKernel.STEP;
        this.machine = machine;
        this.halves = memory;
        this.halvesRow = halfBytes(n);
        this.ordered = memory + rows * halvesRow;
    }

    /** Whether a matrix is multiplied this way. */
    static boolean fits(StoredMatrix w) {
        return w.storage() == Storage.BFLOAT16 && w.products() == PanelType.BFLOAT16;
    }

    /**
     * Rounds rows into memory of the calling thread, which keeps them until it rounds others.
     *
     * @param x address of {@code [rows, n]} floats
     */
    static RoundedRows of(long x, int rows, int n, boolean machine) {
        long memory = VALUES.get().address(rows * (halfBytes(n) + 8L * n + 64));
        RoundedRows r = new RoundedRows(rows, n, machine, memory);
        for (int i = 0; i < rows; i++) {
            long half = r.halves + i * r.halvesRow;
            Packing.row(PanelType.BFLOAT16, x + 4L * i * n, n, 1, half, 4);
            if (machine) {
                for (int k = 0; k < r.steps; k++) {
                    Native.copy(half + 64L * k, r.ordered + 64L * ((long) k * rows + i), 64);
                }
            } else {
                r.interleave(half, i);
            }
        }
        return r;
    }

    private void interleave(long half, int row) {
        long values = ordered + 4L * rows * n;
        for (int i = 0; i < n; i++) {
            Native.set(values + 4L * i, StoredMatrix.half(half + 2L * i));
        }
        RowDots.interleave(values, n, ordered + 4L * row * n);
    }

    private static long halfBytes(int n) {
        return Math.ceilDiv(2L * n, 64) * 64;
    }

    /** Writes the outputs [from, end) of every row; they lie {@code w.rows} apart. */
    void multiply(StoredMatrix w, int from, int end, long out) {
        if (machine) {
            int group = DotKernel.group(rows);
            int groups = (end - from) / group;
            machine(w, from, group, groups, out);
            machine(w, from + groups * group, 1, end - from - groups * group, out);
            return;
        }
        for (int o = from; o < end; o += 4) {
            for (int r = 0; r < rows; r++) {
                long to = out + 4L * ((long) r * w.rows() + o);
                RowDots.halves(ordered + 4L * r * n, w.address(o), w.rowBytes(), Math.min(4, end - o), n, to);
            }
        }
    }

    private void machine(StoredMatrix w, int from, int group, int groups, long out) {
        if (groups == 0) {
            return;
        }
        int bytes = DotKernel.resultBytes(group, rows);
        long results = RESULTS.get().address((long) bytes * groups);
        if (steps > 0) {
            DotKernel.multiply(rows, group, ordered, w.address(from), steps, results, w.rowBytes(), groups);
        }
        long weights = w.address(from);
        boolean rest = steps * DotKernel.STEP < n;
        for (int g = 0; g < groups; g++, results += bytes, weights += group * w.rowBytes()) {
            for (int r = 0; r < rows; r++) {
                long to = out + 4L * ((long) r * w.rows() + from + g * group);
                for (int i = 0; i < group; i++) {
                    float s = steps == 0 ? 0 : Native.get(results + DotKernel.place(i, rows, r));
                    if (rest) {
                        s = tail(weights + i * w.rowBytes(), halves + r * halvesRow, s);
                    }
                    Native.set(to + 4L * i, s);
                }
            }
        }
    }

    private float tail(long w, long x, float sum) {
        float s = sum;
        for (int i = steps * DotKernel.STEP; i < n; i++) {
            s = Math.fma(StoredMatrix.half(w + 2L * i), StoredMatrix.half(x + 2L * i), s);
        }
        return s;
    }
}
