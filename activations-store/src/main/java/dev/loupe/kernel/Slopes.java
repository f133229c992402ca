package dev.loupe.kernel;

import static dev.loupe.kernel.Native.L;
import static dev.loupe.kernel.Native.load;
import static dev.loupe.kernel.Native.store;

import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import org.jspecify.annotations.Nullable;

/** What gradients are multiplied with on their way through an activation function, in steps that the compiler inlines. */
public enum Slopes {
    /** The derivative {@code f'(x)}; ReLU's at 0 is 0. */
    DERIVATIVE,
    /** {@code f(x) / x} with its limit at 0. */
    RATIO,
    /** {@code sigmoid(x / temperature)}, whatever the function. */
    SOFT_GATE;

    private static final int BLOCK = 1024; // values whose slopes stay in the first cache
    private static final ThreadLocal<Scratch> SLOPES = Scratch.perThread();
    private static final ThreadLocal<Scratch> TAIL = Scratch.perThread();
    private static final float CUBIC = 0.044715f;
    private static final float ROOT = (float) Math.sqrt(2 / Math.PI);
    private static final float ROOT_HALF = (float) Math.sqrt(0.5);
    private static final float DENSITY = (float) (1 / Math.sqrt(2 * Math.PI));

    /**
     * {@code out = slope(x) * g * scale}, times a factor where there is one.
     *
     * @param f the function
     * @param temperature of the soft gate only
     * @param x what the function was applied to
     * @param g as long as x
     * @param factor likewise, or null
     * @param out likewise; it may be g or the factor
     */
    public void apply(
            Activations f,
            float temperature,
            MemorySegment x,
            MemorySegment g,
            @Nullable MemorySegment factor,
            float scale,
            MemorySegment out) {
        long n = x.byteSize() / 4;
        long xa = Native.address(x, 4 * n);
        long ga = Native.address(g, 4 * n);
        long fa = factor == null ? 0 : Native.address(factor, 4 * n);
        long oa = Native.address(out, 4 * n);
        int most = Activations.VALUES_PER_TASK;
        Team.run(Math.toIntExact(Math.ceilDiv(n, (long) most)), task -> {
            long from = 4L * task * most;
            int count = (int) Math.min(most, n - (long) task * most);
            long slopes = SLOPES.get().address(4L * (BLOCK + L));
            for (int i = 0; i < count; i += BLOCK) {
                int some = Math.min(BLOCK, count - i);
                long at = from + 4L * i;
                slopes(f, temperature, xa + at, some, slopes);
                multiply(slopes, ga + at, fa == 0 ? 0 : fa + at, scale, some, oa + at);
            }
        });
        Reference.reachabilityFence(x);
        Reference.reachabilityFence(g);
        Reference.reachabilityFence(factor);
        Reference.reachabilityFence(out);
    }

    /** Whole vectors: a tail is copied to where reading on does no harm. */
    private void slopes(Activations f, float temperature, long x, int n, long out) {
        int whole = n / L * L;
        some(f, temperature, x, whole, out);
        if (whole < n) {
            long tail = TAIL.get().address(4L * L);
            for (int i = 0; i < L; i++) {
                Native.set(tail + 4L * i, whole + i < n ? Native.get(x + 4L * (whole + i)) : 0);
            }
            some(f, temperature, tail, L, out + 4L * whole);
        }
    }

    // One loop for each, so that the compiler sees which function it runs.
    private void some(Activations f, float temperature, long x, int n, long out) {
        if (this == SOFT_GATE) {
            gates(x, 1 / temperature, n, out);
            return;
        }
        boolean ratio = this == RATIO;
        switch (f) {
            case SILU -> {
                if (ratio) {
                    gates(x, 1, n, out);
                } else {
                    siluSlopes(x, n, out);
                }
            }
            case RELU -> reluSlopes(x, n, out);
            case GELU -> {
                if (ratio) {
                    geluRatios(x, n, out);
                } else {
                    geluSlopes(x, n, out);
                }
            }
            case GELU_TANH -> {
                if (ratio) {
                    tanhRatios(x, n, out);
                } else {
                    tanhSlopes(x, n, out);
                }
            }
        }
    }

    private static void gates(long x, float factor, int n, long out) {
        for (int i = 0; i < n; i += L) {
            store(sigmoid(load(x + 4L * i).mul(factor)), out + 4L * i);
        }
    }

    private static void siluSlopes(long x, int n, long out) {
        for (int i = 0; i < n; i += L) {
            store(siluSlope(load(x + 4L * i)), out + 4L * i);
        }
    }

    private static void reluSlopes(long x, int n, long out) {
        for (int i = 0; i < n; i += L) {
            FloatVector v = load(x + 4L * i);
            store(FloatVector.zero(Native.S).blend(1f, v.compare(VectorOperators.GT, 0f)), out + 4L * i);
        }
    }

    private static void geluRatios(long x, int n, long out) {
        for (int i = 0; i < n; i += L) {
            store(normal(load(x + 4L * i)), out + 4L * i);
        }
    }

    private static void geluSlopes(long x, int n, long out) {
        for (int i = 0; i < n; i += L) {
            store(normal(load(x + 4L * i)), out + 4L * i);
        }
        for (int i = 0; i < n; i += L) { // Phi(x) + x phi(x); both at once would not fit the registers
            FloatVector v = load(x + 4L * i);
            store(density(v).fma(v, load(out + 4L * i)), out + 4L * i);
        }
    }

    private static void tanhRatios(long x, int n, long out) {
        for (int i = 0; i < n; i += L) {
            store(sigmoid(twice(load(x + 4L * i))), out + 4L * i);
        }
    }

    private static void tanhSlopes(long x, int n, long out) {
        for (int i = 0; i < n; i += L) {
            FloatVector v = load(x + 4L * i);
            store(tanhSlope(v, sigmoid(twice(v))), out + 4L * i);
        }
    }

    private static FloatVector sigmoid(FloatVector x) {
        return FloatVector.broadcast(Native.S, 1f).div(Exponential.exp(x.neg()).add(1f));
    }

    private static FloatVector siluSlope(FloatVector x) { // s + x s (1 - s)
        FloatVector s = sigmoid(x);
        return s.sub(s.mul(s)).fma(x, s);
    }

    private static FloatVector normal(FloatVector x) {
        return ErrorFunction.erf(x.mul(ROOT_HALF)).add(1f).mul(0.5f);
    }

    private static FloatVector density(FloatVector x) {
        return Exponential.exp(x.mul(x).mul(-0.5f)).mul(DENSITY);
    }

    private static FloatVector twice(FloatVector v) {
        return v.mul(v).mul(CUBIC).add(1f).mul(v).mul(2 * ROOT);
    }

    // with (1 + t) / 2 = r = sigmoid(2 u): r + x r (1 - r) 2 u'
    private static FloatVector tanhSlope(FloatVector v, FloatVector r) {
        FloatVector inner = v.mul(v).mul(3 * CUBIC).add(1f).mul(2 * ROOT);
        return r.sub(r.mul(r)).mul(inner).fma(v, r);
    }

    private static void multiply(long slopes, long g, long factor, float scale, int n, long out) {
        int i = 0;
        for (int end = n - L; i <= end; i += L) {
            FloatVector v = load(slopes + 4L * i).mul(load(g + 4L * i).mul(scale));
            store(factor == 0 ? v : v.mul(load(factor + 4L * i)), out + 4L * i);
        }
        for (; i < n; i++) {
            float v = Native.get(slopes + 4L * i) * (Native.get(g + 4L * i) * scale);
            Native.set(out + 4L * i, factor == 0 ? v : v * Native.get(factor + 4L * i));
        }
    }
}
