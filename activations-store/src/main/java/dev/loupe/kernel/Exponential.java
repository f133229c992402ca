package dev.loupe.kernel;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * e to the power of x, to about two units in the last place, from additions and products alone: the platform's own
 * vector exponential gives other last bits in interpreted code than in compiled code, so a run would not repeat itself.
 * {@code x = n ln 2 + r}, a polynomial in r (Cephes, {@code expf}), and n into the exponent. Below -87 and above 88 the
 * result stays at the ends of what float32 can hold. In steps so small that the compiler always inlines them.
 */
final class Exponential {
    private static final float LOW = -87.3f;
    private static final float HIGH = 88.37f;
    private static final float LOG2_E = 1.44269504f;
    private static final float ROUND = 0x1.8p23f; // added and subtracted, it rounds to an integer
    private static final float LN2_HIGH = 0.693359375f;
    private static final float LN2_LOW = -2.12194440e-4f;

    private Exponential() {}

    static FloatVector exp(FloatVector x) {
        FloatVector c = x.max(LOW).min(HIGH);
        FloatVector rounded = c.mul(LOG2_E).add(ROUND);
        return scale(polynomial(reduce(c, rounded.sub(ROUND))), rounded);
    }

    private static FloatVector reduce(FloatVector c, FloatVector n) {
        return c.sub(n.mul(LN2_HIGH)).sub(n.mul(LN2_LOW));
    }

    private static FloatVector polynomial(FloatVector r) {
        return end(middle(begin(r), r), r);
    }

    private static FloatVector begin(FloatVector r) {
        return r.mul(1.9875691500e-4f).add(1.3981999507e-3f).mul(r).add(8.3334519073e-3f);
    }

    private static FloatVector middle(FloatVector p, FloatVector r) {
        return p.mul(r).add(4.1665795894e-2f).mul(r).add(1.6666665459e-1f);
    }

    private static FloatVector end(FloatVector p, FloatVector r) {
        return p.mul(r).add(5.0000001201e-1f).mul(r).mul(r).add(r).add(1f);
    }

    // The lowest bits of n + ROUND are n; a conversion to integers makes the compiler keep a vector in memory.
    private static FloatVector scale(FloatVector y, FloatVector rounded) {
        IntVector exponent = rounded.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23);
        return y.mul(exponent.add(127 << 23).reinterpretAsFloats());
    }
}
