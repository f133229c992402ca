package dev.loupe.kernel;

import java.util.EnumSet;
import java.util.Set;

/**
 * Products of few rows, the way text is written: every weight is read once, where it lies, and that is what they last.
 * Tasks are runs of {@link #CHUNK_BYTES} of weights, of whichever matrix.
 */
final class FewRows {
    private static final long CHUNK_BYTES = 96 << 10;

    private static final ThreadLocal<Scratch> DECODED = Scratch.perThread();
    private static final ThreadLocal<Scratch> VECTOR = Scratch.perThread();
    private static final ThreadLocal<Scratch> SUMS = Scratch.perThread();

    private FewRows() {}

    static void run(long x, int rows, StoredProduct.Part[] parts) {
        int[] ends = new int[parts.length];
        long[] outs = new long[parts.length];
        long[] biases = new long[parts.length];
        int tasks = 0;
        Set<PanelType> types = EnumSet.noneOf(PanelType.class);
        boolean interleaved = false;
        boolean summed = false;
        for (int p = 0; p < parts.length; p++) {
            StoredMatrix w = parts[p].w();
            tasks += Math.ceilDiv(w.rows(), chunk(w));
            ends[p] = tasks;
            outs[p] = parts[p].outAddress(rows);
            biases[p] = parts[p].biasAddress();
            PanelType type = DotRows.type(w);
            if (type != null) {
                types.add(type);
            }
            interleaved |= rows == 1 && w.storage() == Storage.BFLOAT16 && type == null;
            summed |= rows == 1 && w.storage() == Storage.Q4_1;
        }
        int n = parts[0].w().cols();
        long pairs = interleaved ? VECTOR.get().address(4L * n) : 0;
        if (interleaved) {
            RowDots.interleave(x, n, pairs);
        }
        long sums = summed ? SUMS.get().address(n / 8 + 4L) : 0;
        if (summed) {
            BlockDots.sums(x, n, sums);
        }
        DotRows floats = types.contains(PanelType.FLOAT32) ? DotRows.of(PanelType.FLOAT32, x, rows, n, true) : null;
        DotRows halves = types.contains(PanelType.BFLOAT16)
                ? DotRows.of(PanelType.BFLOAT16, x, rows, n, DotKernel.machine(PanelType.BFLOAT16))
                : null;
        Team.run(tasks, task -> {
            int p = 0;
            while (task >= ends[p]) {
                p++;
            }
            StoredMatrix w = parts[p].w();
            int from = (task - (p == 0 ? 0 : ends[p - 1])) * chunk(w);
            int end = Math.min(w.rows(), from + chunk(w));
            DotRows dots = w.storage() == Storage.FLOAT32 ? floats : halves;
            if (dots != null && DotRows.type(w) != null) {
                dots.multiply(w, from, end, outs[p]);
                addBias(biases[p], from, end - from, rows, w.rows(), outs[p]);
            } else {
                chunk(x, pairs, sums, rows, w, from, end, biases[p], outs[p]);
            }
        });
    }

    /** Weights' rows of one task. */
    private static int chunk(StoredMatrix w) {
        return (int) Math.max(8, CHUNK_BYTES / w.rowBytes() / 8 * 8);
    }

    private static void chunk(
            long x, long pairs, long sums, int rows, StoredMatrix w, int from, int end, long bias, long out) {
        int n = w.cols();
        for (int o = from; o < end; o += 4) {
            int count = Math.min(4, end - o);
            if (rows > 1 || w.storage() == Storage.FLOAT32) {
                decoded(x, rows, w, o, count, out);
            } else if (w.storage() == Storage.BFLOAT16) {
                RowDots.halves(pairs, w.address(o), w.rowBytes(), count, n, out + 4L * o);
            } else {
                blocks(x, sums, w, o, count, out);
            }
            addBias(bias, o, count, rows, w.rows(), out);
        }
    }

    private static void blocks(long x, long sums, StoredMatrix w, int o, int count, long out) {
        int i = o;
        for (; i + 2 <= o + count; i += 2) {
            BlockDots.two(w.storage(), x, sums, w.address(i), w.rowBytes(), w.cols(), out + 4L * i);
        }
        if (i < o + count) {
            Native.set(out + 4L * i, BlockDots.dot(w.storage(), x, sums, w.address(i), w.cols()));
        }
    }

    private static void decoded(long x, int rows, StoredMatrix w, int o, int count, long out) {
        int n = w.cols();
        long at = w.address(o);
        if (w.storage() != Storage.FLOAT32) {
            at = DECODED.get().address(16L * n);
            for (int i = 0; i < count; i++) {
                w.decode(o + i, 0, n, at + 4L * i * n);
            }
        }
        for (int r = 0; r < rows; r++) {
            RowDots.floats(x + 4L * r * n, at, 4L * n, count, n, out + 4L * ((long) r * w.rows() + o));
        }
    }

    private static void addBias(long bias, int o, int count, int rows, int outputs, long out) {
        for (int r = 0; bias != 0 && r < rows; r++) {
            for (int i = o; i < o + count; i++) {
                long at = out + 4L * ((long) r * outputs + i);
                Native.set(at, Native.get(at) + Native.get(bias + 4L * i));
            }
        }
    }
}
