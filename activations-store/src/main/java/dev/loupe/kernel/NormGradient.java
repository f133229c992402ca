package dev.loupe.kernel;

import static dev.loupe.kernel.Native.L;
import static dev.loupe.kernel.Native.load;
import static dev.loupe.kernel.Native.store;

import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import jdk.incubator.vector.FloatVector;

/**
 * The gradient of {@link Passes#norm}, row by row: with c = x (or x minus its mean), {@code s = sqrt(mean(c^2) + eps)},
 * {@code y = c / s} and {@code u = g * gain} it is {@code (u - y mean(u y)) / s}, or {@code u / s} where s counts as a
 * constant; minus its mean where the norm subtracts one. Each sweep is a method of its own, which the compiler keeps in
 * registers.
 */
public final class NormGradient {
    private NormGradient() {}

    /**
     * Computes the gradient.
     *
     * @param g gradient of the norm's output, {@code [rows, gain.length]}
     * @param x what was normed, likewise
     * @param frozen whether s counts as a constant
     * @param out likewise, overwritten; it may be g
     */
    public static void run(
            MemorySegment g,
            MemorySegment x,
            int rows,
            MemorySegment gain,
            float eps,
            boolean centre,
            boolean frozen,
            MemorySegment out) {
        int n = Math.toIntExact(gain.byteSize() / 4);
        long ga = Native.address(g, 4L * rows * n);
        long xa = Native.address(x, 4L * rows * n);
        long oa = Native.address(out, 4L * rows * n);
        long wa = Native.address(gain, 4L * n);
        int step = Math.max(1, Activations.VALUES_PER_TASK / Math.max(1, n));
        Team.run(Math.ceilDiv(rows, step), task -> {
            for (int r = task * step; r < Math.min(rows, (task + 1) * step); r++) {
                long at = 4L * r * n;
                row(ga + at, xa + at, wa, n, eps, centre, frozen, oa + at);
            }
        });
        Reference.reachabilityFence(g);
        Reference.reachabilityFence(x);
        Reference.reachabilityFence(gain);
        Reference.reachabilityFence(out);
    }

    private static void row(long g, long x, long gain, int n, float eps, boolean centre, boolean frozen, long out) {
        float mean = centre ? sum(x, n) / n : 0;
        float inverse = 1 / (float) Math.sqrt(squares(x, n, mean) / n + eps);
        float slope = frozen ? 0 : along(g, x, gain, n, mean) * inverse / n;
        combine(g, x, gain, n, mean, inverse, slope, out);
        if (centre) {
            shift(out, n, sum(out, n) / n);
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

    private static float squares(long x, int n, float mean) {
        FloatVector sums = FloatVector.zero(Native.S);
        int whole = n / L * L;
        for (int i = 0; i < whole; i += L) {
            FloatVector c = load(x + 4L * i).sub(mean);
            sums = c.fma(c, sums);
        }
        float sum = Native.sum(sums);
        for (int i = whole; i < n; i++) {
            float c = Native.get(x + 4L * i) - mean;
            sum = Math.fma(c, c, sum);
        }
        return sum;
    }

    /** {@code Σ g gain c}. */
    private static float along(long g, long x, long gain, int n, float mean) {
        FloatVector sums = FloatVector.zero(Native.S);
        int whole = n / L * L;
        for (int i = 0; i < whole; i += L) {
            FloatVector u = load(g + 4L * i).mul(load(gain + 4L * i));
            sums = load(x + 4L * i).sub(mean).fma(u, sums);
        }
        float sum = Native.sum(sums);
        for (int i = whole; i < n; i++) {
            float u = Native.get(g + 4L * i) * Native.get(gain + 4L * i);
            sum = Math.fma(Native.get(x + 4L * i) - mean, u, sum);
        }
        return sum;
    }

    private static void combine(long g, long x, long gain, int n, float mean, float inverse, float slope, long out) {
        int whole = n / L * L;
        for (int i = 0; i < whole; i += L) {
            FloatVector u = load(g + 4L * i).mul(load(gain + 4L * i));
            FloatVector y = load(x + 4L * i).sub(mean).mul(inverse);
            store(u.sub(y.mul(slope)).mul(inverse), out + 4L * i);
        }
        for (int i = whole; i < n; i++) {
            float u = Native.get(g + 4L * i) * Native.get(gain + 4L * i);
            float y = (Native.get(x + 4L * i) - mean) * inverse;
            Native.set(out + 4L * i, (u - y * slope) * inverse);
        }
    }

    private static void shift(long x, int n, float by) {
        int whole = n / L * L;
        for (int i = 0; i < whole; i += L) {
            store(load(x + 4L * i).sub(by), x + 4L * i);
        }
        for (int i = whole; i < n; i++) {
            Native.set(x + 4L * i, Native.get(x + 4L * i) - by);
        }
    }
}
