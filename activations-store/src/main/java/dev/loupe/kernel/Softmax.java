package dev.loupe.kernel;

import static dev.loupe.kernel.Native.L;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/** Attention probabilities of one query. */
final class Softmax {
    private Softmax() {}

    /**
     * Raw products to probabilities, in place: what lies behind them up to a whole vector is overwritten. Each sweep is a
     * method of its own, which the compiler keeps in registers.
     */
    static void run(long at, int n, float scale, float cap) {
        int whole = Math.ceilDiv(n, L) * L;
        nothing(at, n, whole);
        float factor = scale;
        if (cap != 0) {
            capped(at, whole, scale, cap);
            nothing(at, n, whole);
            factor = 1;
        }
        float sum = powers(at, whole, factor, largest(at, whole, factor));
        times(at, whole, 1 / sum);
    }

    /** Scores of keys that do not exist. */
    private static void nothing(long at, int from, int to) {
        for (int i = from; i < to; i++) {
            Native.set(at + 4L * i, Float.NEGATIVE_INFINITY);
        }
    }

    private static float largest(long at, int n, float factor) {
        FloatVector most = FloatVector.broadcast(Native.S, Float.NEGATIVE_INFINITY);
        for (int i = 0; i < n; i += L) {
            most = most.max(Native.load(at + 4L * i).mul(factor));
        }
        return most.reduceLanes(VectorOperators.MAX);
    }

    /** Powers of e, and their sum, to which keys that do not exist add less than it can hold. */
    private static float powers(long at, int n, float factor, float most) {
        FloatVector sums = FloatVector.zero(Native.S);
        for (int i = 0; i < n; i += L) {
            FloatVector e = Exponential.exp(Native.load(at + 4L * i).mul(factor).sub(most));
            sums = sums.add(e);
            Native.store(e, at + 4L * i);
        }
        return Native.sum(sums);
    }

    private static void times(long at, int n, float factor) {
        for (int i = 0; i < n; i += L) {
            Native.store(Native.load(at + 4L * i).mul(factor), at + 4L * i);
        }
    }

    private static void capped(long at, int n, float scale, float cap) {
        for (int i = 0; i < n; i += L) {
            Native.store(capped(Native.load(at + 4L * i).mul(scale), cap), at + 4L * i);
        }
    }

    // tanh v = 1 - 2 / (e^(2 v) + 1)
    private static FloatVector capped(FloatVector s, float cap) {
        FloatVector e = Exponential.exp(s.div(cap).mul(2f)).add(1f);
        return FloatVector.broadcast(Native.S, 2f).div(e).neg().add(1f).mul(cap);
    }
}
