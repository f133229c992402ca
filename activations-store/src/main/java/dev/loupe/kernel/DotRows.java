package dev.loupe.kernel;

import org.jspecify.annotations.Nullable;

/**
 * One to eight rows of x times weights of float32 or bfloat16 where they lie; for bfloat16 x is rounded once, too. Machine code
 * where it runs ({@link DotKernel}), else Java with the same bits on vectors of 16 lanes. What a row has beyond whole steps
 * is added value by value. Every sum has the bits that it has alone.
 */
final class DotRows {
    private static final ThreadLocal<Scratch> FLOATS = Scratch.perThread();
    private static final ThreadLocal<Scratch> HALVES = Scratch.perThread();
    private static final ThreadLocal<Scratch> RESULTS = Scratch.perThread();

    private final PanelType type;
    private final int rows;
    private final int n;
    private final int steps;
    private final boolean machine;
    private final long values; // [rows][n] as the type has them
    private final long valuesRow;
    private final long ordered; // as the machine code reads them, or interleaved floats

    private DotRows(PanelType type, int rows, int n, boolean machine, long values, long valuesRow, long ordered) {
        this.type = type;
        this.rows = rows;
        this.n = n;
        this.steps = n / DotKernel.step(type);
        this.machine = machine;
        this.values = values;
        this.valuesRow = valuesRow;
        this.ordered = ordered;
    }

    /** In which numbers a matrix is multiplied this way; null if it is not. */
    static @Nullable PanelType type(StoredMatrix w) {
        return switch (w.storage()) {
            case BFLOAT16 -> w.products() == PanelType.BFLOAT16 ? PanelType.BFLOAT16 : null;
            case FLOAT32 -> DotKernel.machine(PanelType.FLOAT32) ? PanelType.FLOAT32 : null;
            default -> null;
        };
    }

    /**
     * Brings rows into order, rounded where the type asks for it, in memory of the calling thread, which keeps them until it
     * does so with others.
     *
     * @param x address of {@code [rows, n]} floats; they stay as they are while the rows are in use
     */
    static DotRows of(PanelType type, long x, int rows, int n, boolean machine) {
        if (type == PanelType.FLOAT32) {
            long memory = rows == 1 ? x : FLOATS.get().address(4L * rows * n);
            DotRows r = new DotRows(type, rows, n, true, x, 4L * n, memory);
            for (int i = 0; rows > 1 && i < rows; i++) {
                r.order(i);
            }
            return r;
        }
        long halfRow = Math.ceilDiv(2L * n, 64) * 64;
        long memory = HALVES.get().address(rows * (halfRow + 8L * n + 64));
        DotRows r = new DotRows(type, rows, n, machine, memory, halfRow, memory + rows * halfRow);
        for (int i = 0; i < rows; i++) {
            Packing.row(PanelType.BFLOAT16, x + 4L * i * n, n, 1, memory + i * halfRow, 4);
            if (machine) {
                r.order(i);
            } else {
                r.interleave(memory + i * halfRow, i);
            }
        }
        return r;
    }

    private void order(int row) {
        for (int k = 0; k < steps; k++) {
            Native.copy(values + row * valuesRow + 64L * k, ordered + 64L * ((long) k * rows + row), 64);
        }
    }

    private void interleave(long half, int row) {
        long floats = ordered + 4L * rows * n;
        for (int i = 0; i < n; i++) {
            Native.set(floats + 4L * i, StoredMatrix.half(half + 2L * i));
        }
        RowDots.interleave(floats, n, ordered + 4L * row * n);
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
            DotKernel.multiply(type, rows, group, ordered, w.address(from), steps, results, w.rowBytes(), groups);
        }
        long weights = w.address(from);
        boolean rest = steps * DotKernel.step(type) < n;
        for (int g = 0; g < groups; g++, results += bytes, weights += group * w.rowBytes()) {
            for (int r = 0; r < rows; r++) {
                long to = out + 4L * ((long) r * w.rows() + from + g * group);
                for (int i = 0; i < group; i++) {
                    float s = steps == 0 ? 0 : Native.get(results + DotKernel.place(i, rows, r));
                    if (rest) {
                        s = tail(weights + i * w.rowBytes(), values + r * valuesRow, s);
                    }
                    Native.set(to + 4L * i, s);
                }
            }
        }
    }

    private float tail(long w, long x, float sum) {
        float s = sum;
        for (int i = steps * DotKernel.step(type); i < n; i++) {
            s = type == PanelType.FLOAT32
                    ? Math.fma(Native.get(w + 4L * i), Native.get(x + 4L * i), s)
                    : Math.fma(StoredMatrix.half(w + 2L * i), StoredMatrix.half(x + 2L * i), s);
        }
        return s;
    }
}
