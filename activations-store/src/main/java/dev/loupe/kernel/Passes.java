package dev.loupe.kernel;

import static dev.loupe.kernel.Native.L;
import static dev.loupe.kernel.Native.load;
import static dev.loupe.kernel.Native.store;

import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.function.IntConsumer;
import jdk.incubator.vector.FloatVector;
import org.jspecify.annotations.Nullable;

/**
 * The passes between products, each in one sweep over memory. Rounded where the reference implementation rounds, so that
 * results agree to the last bits but for the order of sums and the last bit of exponentials.
 */
public final class Passes {
    private static final int VALUES_PER_TASK = Activations.VALUES_PER_TASK;

    private Passes() {}

    /**
     * {@code y = c * (1 / s) * gain (+ bias)} with {@code s = sqrt(mean(c^2) + eps)}, where c is x (RMSNorm, arXiv
     * 1910.07467) or, with {@code centre}, x minus its mean (LayerNorm, arXiv 1607.06450). Row by row.
     *
     * @param x {@code [rows, gain.length]}
     * @param y likewise, overwritten
     */
    public static void norm(
            MemorySegment x,
            int rows,
            MemorySegment gain,
            @Nullable MemorySegment bias,
            float eps,
            boolean centre,
            MemorySegment y) {
        int n = Math.toIntExact(gain.byteSize() / 4);
        long xa = Native.address(x, 4L * rows * n);
        long ya = Native.address(y, 4L * rows * n);
        long ga = Native.address(gain, 4L * n);
        long ba = bias == null ? 0 : Native.address(bias, 4L * n);
        each(rows, n, r -> normRow(xa + 4L * r * n, ya + 4L * r * n, ga, ba, n, eps, centre));
        fence(x, y, gain, bias);
    }

    private static void normRow(long x, long y, long gain, long bias, int n, float eps, boolean centre) {
        float mean = centre ? sum(x, n) / n : 0;
        int whole = n / L * L;
        FloatVector squares = FloatVector.zero(Native.S);
        for (int i = 0; i < whole; i += L) {
            FloatVector c = load(x + 4L * i).sub(mean);
            squares = c.fma(c, squares);
        }
        float total = Native.sum(squares);
        for (int i = whole; i < n; i++) {
            float c = Native.get(x + 4L * i) - mean;
            total = Math.fma(c, c, total);
        }
        float inverse = 1 / (float) Math.sqrt(total / n + eps);
        for (int i = 0; i < whole; i += L) {
            FloatVector v = load(x + 4L * i).sub(mean).mul(inverse).mul(load(gain + 4L * i));
            store(bias == 0 ? v : v.add(load(bias + 4L * i)), y + 4L * i);
        }
        for (int i = whole; i < n; i++) {
            float v = (Native.get(x + 4L * i) - mean) * inverse * Native.get(gain + 4L * i);
            Native.set(y + 4L * i, bias == 0 ? v : v + Native.get(bias + 4L * i));
        }
    }

    private static float sum(long x, int n) {
        FloatVector sums = FloatVector.zero(Native.S);
        int whole = n / L * L;
        for (int i = 0; i < whole; i += L) {
            sums = sums.add(load(x + 4L * i));
        }
        float sum = Native.sum(sums);
        for (int i = whole; i < n; i++) {
            sum += Native.get(x + 4L * i);
        }
        return sum;
    }

    /**
     * Rotates pairs (i, i + half) of every head by the angle of its row; dimensions from 2 half on are copied.
     *
     * @param x {@code [rows, heads, dHead]}
     * @param cos {@code [n, half]}: row r has the angles {@code r % n}
     * @param sin likewise
     * @param back whether to rotate the other way
     * @param y as x, overwritten
     */
    public static void rotate(
            MemorySegment x,
            int rows,
            int heads,
            int dHead,
            MemorySegment cos,
            MemorySegment sin,
            int half,
            boolean back,
            MemorySegment y) {
        long xa = Native.address(x, 4L * rows * heads * dHead);
        long ya = Native.address(y, 4L * rows * heads * dHead);
        int angles = Math.toIntExact(cos.byteSize() / 4 / half);
        long ca = Native.address(cos, 4L * angles * half);
        long sa = Native.address(sin, 4L * angles * half);
        each(rows, heads * dHead, r -> {
            long c = ca + 4L * (r % angles) * half;
            long s = sa + 4L * (r % angles) * half;
            for (int h = 0; h < heads; h++) {
                long at = 4L * ((long) r * heads + h) * dHead;
                if (back) {
                    rotateBack(xa + at, ya + at, c, s, half);
                } else {
                    rotateHead(xa + at, ya + at, c, s, half);
                }
                if (2 * half < dHead) {
                    Native.copy(xa + at + 8L * half, ya + at + 8L * half, 4L * (dHead - 2 * half));
                }
            }
        });
        fence(x, y, cos, sin);
    }

    private static void rotateHead(long x, long y, long cos, long sin, int half) {
        long other = 4L * half;
        int i = 0;
        for (int end = half - L; i <= end; i += L) {
            FloatVector a = load(x + 4L * i);
            FloatVector b = load(x + other + 4L * i);
            FloatVector c = load(cos + 4L * i);
            FloatVector s = load(sin + 4L * i);
            store(a.mul(c).sub(b.mul(s)), y + 4L * i);
            store(b.mul(c).add(a.mul(s)), y + other + 4L * i);
        }
        for (; i < half; i++) {
            float a = Native.get(x + 4L * i);
            float b = Native.get(x + other + 4L * i);
            float c = Native.get(cos + 4L * i);
            float s = Native.get(sin + 4L * i);
            Native.set(y + 4L * i, a * c - b * s);
            Native.set(y + other + 4L * i, b * c + a * s);
        }
    }

    private static void rotateBack(long x, long y, long cos, long sin, int half) {
        for (int i = 0; i < half; i++) {
            float a = Native.get(x + 4L * i);
            float b = Native.get(x + 4L * (half + i));
            float c = Native.get(cos + 4L * i);
            float s = Native.get(sin + 4L * i);
            Native.set(y + 4L * i, a * c + b * s);
            Native.set(y + 4L * (half + i), b * c - a * s);
        }
    }

    /**
     * {@code y = a + b}, element by element.
     *
     * @param y as long as a and b; it may be one of them
     */
    public static void add(MemorySegment a, MemorySegment b, MemorySegment y) {
        long n = y.byteSize() / 4;
        long aa = Native.address(a, 4 * n);
        long ba = Native.address(b, 4 * n);
        long ya = Native.address(y, 4 * n);
        Team.run(Math.toIntExact(Math.ceilDiv(n, (long) VALUES_PER_TASK)), task -> {
            long from = 4L * task * VALUES_PER_TASK;
            int count = (int) Math.min(VALUES_PER_TASK, n - (long) task * VALUES_PER_TASK);
            addPart(aa + from, ba + from, ya + from, count);
        });
        fence(a, b, y, null);
    }

    private static void addPart(long a, long b, long y, int n) {
        int i = 0;
        for (int end = n - L; i <= end; i += L) {
            store(load(a + 4L * i).add(load(b + 4L * i)), y + 4L * i);
        }
        for (; i < n; i++) {
            Native.set(y + 4L * i, Native.get(a + 4L * i) + Native.get(b + 4L * i));
        }
    }

    /** Rows in tasks that are worth a thread. */
    private static void each(int rows, int width, IntConsumer row) {
        int step = Math.max(1, VALUES_PER_TASK / Math.max(1, width));
        Team.run(Math.ceilDiv(rows, step), task -> {
            for (int r = task * step; r < Math.min(rows, (task + 1) * step); r++) {
                row.accept(r);
            }
        });
    }

    private static void fence(MemorySegment a, MemorySegment b, @Nullable MemorySegment c, @Nullable MemorySegment d) {
        Reference.reachabilityFence(a);
        Reference.reachabilityFence(b);
        Reference.reachabilityFence(c);
        Reference.reachabilityFence(d);
    }
}
