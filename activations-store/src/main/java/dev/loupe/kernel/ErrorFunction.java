package dev.loupe.kernel;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * The error function, to about one unit in the last place, from additions, products and {@link Exponential} (minimax
 * polynomials by N. Juffa): near 0 one in x, further out {@code 1 - e^p(|x|)}. In steps so small that the compiler always
 * inlines them.
 */
final class ErrorFunction {
    private static final float NEAR = 0.927734375f;

    private ErrorFunction() {}

    static FloatVector erf(FloatVector x) {
        FloatVector t = x.abs();
        FloatVector s = x.mul(x);
        FloatVector far = Exponential.exp(farEnd(farBegin(t, s), t)).neg().add(1f);
        return signed(far, x).blend(nearEnd(nearBegin(s), s).fma(x, x), t.compare(VectorOperators.LE, NEAR));
    }

    private static FloatVector signed(FloatVector size, FloatVector x) {
        return size.blend(size.neg(), x.compare(VectorOperators.LT, 0f));
    }

    private static FloatVector c(float value) {
        return FloatVector.broadcast(Native.S, value);
    }

    private static FloatVector farBegin(FloatVector t, FloatVector s) {
        FloatVector r = c(-1.72853470e-5f).fma(t, c(3.83197126e-4f));
        FloatVector u = c(-3.88396438e-3f).fma(t, c(2.42546219e-2f));
        return r.fma(s, u).fma(t, c(-1.06777877e-1f));
    }

    private static FloatVector farEnd(FloatVector r, FloatVector t) {
        return r.fma(t, c(-6.34846687e-1f)).fma(t, c(-1.28717512e-1f)).fma(t, t.neg());
    }

    private static FloatVector nearBegin(FloatVector s) {
        return c(-5.96761703e-4f).fma(s, c(4.99119423e-3f)).fma(s, c(-2.67681349e-2f));
    }

    private static FloatVector nearEnd(FloatVector r, FloatVector s) {
        return r.fma(s, c(1.12819925e-1f)).fma(s, c(-3.76125336e-1f)).fma(s, c(1.28379166e-1f));
    }
}
