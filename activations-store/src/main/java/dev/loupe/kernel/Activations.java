package dev.loupe.kernel;

import static dev.loupe.kernel.Native.L;
import static dev.loupe.kernel.Native.load;
import static dev.loupe.kernel.Native.store;

import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import org.jspecify.annotations.Nullable;

/**
 * The activation functions of MLPs, with the product of a gate where there is one, in one sweep over memory. Tails go the
 * same way as whole vectors, masked: a value does not depend on its place in a batch. In steps so small that the compiler
 * always inlines them.
 */
public enum Activations {
    /** {@code x * sigmoid(x)} (Elfwing et al., arXiv 1702.03118). */
    SILU,
    /** {@code max(0, x)}. */
    RELU,
    /** {@code x / 2 * (1 + erf(x / sqrt(2)))} (Hendrycks and Gimpel, arXiv 1606.08415). */
    GELU,
    /** {@code x / 2 * (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))} (the same, section 2). */
    GELU_TANH;

    /** Values that are worth a thread of their own. */
    static final int VALUES_PER_TASK = 16_384;

    private static final float CUBIC = 0.044715f;
    private static final float ROOT = (float) Math.sqrt(2 / Math.PI);
    private static final float ROOT_HALF = (float) Math.sqrt(0.5);

    /**
     * {@code y = f(x) (* factor)}.
     *
     * @param factor as long as x, or null
     * @param y as long as x; it may be x or the factor
     */
    public void apply(MemorySegment x, @Nullable MemorySegment factor, MemorySegment y) {
        long n = x.byteSize() / 4;
        long xa = Native.address(x, 4 * n);
        long fa = factor == null ? 0 : Native.address(factor, 4 * n);
        long ya = Native.address(y, 4 * n);
        Team.run(Math.toIntExact(Math.ceilDiv(n, (long) VALUES_PER_TASK)), task -> {
            long from = 4L * task * VALUES_PER_TASK;
            int count = (int) Math.min(VALUES_PER_TASK, n - (long) task * VALUES_PER_TASK);
            part(xa + from, fa == 0 ? 0 : fa + from, ya + from, count);
        });
        Reference.reachabilityFence(x);
        Reference.reachabilityFence(factor);
        Reference.reachabilityFence(y);
    }

    // One loop for each, so that the compiler sees which function it runs.
    private void part(long x, long factor, long y, int n) {
        switch (this) {
            case SILU -> siluPart(x, factor, y, n);
            case RELU -> reluPart(x, factor, y, n);
            case GELU -> geluPart(x, factor, y, n);
            case GELU_TANH -> geluTanhPart(x, factor, y, n);
        }
    }

    private static void siluPart(long x, long factor, long y, int n) {
        int i = 0;
        for (int end = n - L; i <= end; i += L) {
            put(silu(load(x + 4L * i)), factor, y, i);
        }
        if (i < n) {
            VectorMask<Float> m = Native.S.indexInRange(i, n);
            put(silu(load(x + 4L * i, m)), factor, y, i, m);
        }
    }

    private static void reluPart(long x, long factor, long y, int n) {
        int i = 0;
        for (int end = n - L; i <= end; i += L) {
            put(relu(load(x + 4L * i)), factor, y, i);
        }
        if (i < n) {
            VectorMask<Float> m = Native.S.indexInRange(i, n);
            put(relu(load(x + 4L * i, m)), factor, y, i, m);
        }
    }

    private static void geluPart(long x, long factor, long y, int n) {
        int i = 0;
        for (int end = n - L; i <= end; i += L) {
            put(gelu(load(x + 4L * i)), factor, y, i);
        }
        if (i < n) {
            VectorMask<Float> m = Native.S.indexInRange(i, n);
            put(gelu(load(x + 4L * i, m)), factor, y, i, m);
        }
    }

    private static void geluTanhPart(long x, long factor, long y, int n) {
        int i = 0;
        for (int end = n - L; i <= end; i += L) {
            put(geluTanh(load(x + 4L * i)), factor, y, i);
        }
        if (i < n) {
            VectorMask<Float> m = Native.S.indexInRange(i, n);
            put(geluTanh(load(x + 4L * i, m)), factor, y, i, m);
        }
    }

    private static void put(FloatVector s, long factor, long y, int i) {
        store(factor == 0 ? s : s.mul(load(factor + 4L * i)), y + 4L * i);
    }

    private static void put(FloatVector s, long factor, long y, int i, VectorMask<Float> m) {
        store(factor == 0 ? s : s.mul(load(factor + 4L * i, m)), y + 4L * i, m);
    }

    private static FloatVector silu(FloatVector x) {
        return gated(x, x.neg());
    }

    private static FloatVector relu(FloatVector x) {
        return x.max(0f);
    }

    private static FloatVector gelu(FloatVector x) {
        return ErrorFunction.erf(x.mul(ROOT_HALF)).add(1f).mul(x.mul(0.5f));
    }

    private static FloatVector geluTanh(FloatVector x) { // (1 + tanh u) / 2 = 1 / (1 + e^(-2 u))
        return gated(x, minusTwice(x));
    }

    private static FloatVector minusTwice(FloatVector v) {
        return v.mul(v).mul(CUBIC).add(1f).mul(v).mul(-2 * ROOT);
    }

    private static FloatVector gated(FloatVector v, FloatVector exponent) {
        return v.div(Exponential.exp(exponent).add(1f));
    }
}
