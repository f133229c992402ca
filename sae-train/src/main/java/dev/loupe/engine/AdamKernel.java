package dev.loupe.engine;

import static java.nio.ByteOrder.nativeOrder;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/** {@link AdamRule} applied to a row of parameters in SIMD. */
final class AdamKernel {
    private static final VectorSpecies<Float> S = FloatVector.SPECIES_PREFERRED;
    private static final int L = S.length();
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    private final float beta1;
    private final float beta2;
    private final float rest1;
    private final float rest2;
    private final float step;
    private final float root;
    private final float epsilon;

    /** @param t the number of this step, from 1 */
    AdamKernel(AdamRule rule, long t) {
        beta1 = (float) rule.beta1();
        beta2 = (float) rule.beta2();
        rest1 = (float) (1 - rule.beta1());
        rest2 = (float) (1 - rule.beta2());
        step = (float) rule.stepSize(t);
        root = (float) rule.rootCorrection(t);
        epsilon = (float) rule.epsilon();
    }

    /** Updates n parameters and moments at the same byte offset of three segments. */
    void update(MemorySegment w, MemorySegment m, MemorySegment v, long at, float[] gradient, int n) {
        int j = 0;
        for (int end = n - L; j <= end; j += L) {
            long o = at + 4L * j;
            FloatVector g = FloatVector.fromArray(S, gradient, j);
            FloatVector mv = FloatVector.fromMemorySegment(S, m, o, nativeOrder())
                    .mul(beta1)
                    .add(g.mul(rest1));
            FloatVector vv = FloatVector.fromMemorySegment(S, v, o, nativeOrder())
                    .mul(beta2)
                    .add(g.mul(g).mul(rest2));
            mv.intoMemorySegment(m, o, nativeOrder());
            vv.intoMemorySegment(v, o, nativeOrder());
            FloatVector change = mv.mul(step).div(vv.sqrt().mul(root).add(epsilon));
            FloatVector.fromMemorySegment(S, w, o, nativeOrder()).sub(change).intoMemorySegment(w, o, nativeOrder());
        }
        for (; j < n; j++) {
            long o = at + 4L * j;
            float g = gradient[j];
            float mj = beta1 * m.get(FLOAT, o) + rest1 * g;
            float vj = beta2 * v.get(FLOAT, o) + rest2 * (g * g);
            m.set(FLOAT, o, mj);
            v.set(FLOAT, o, vj);
            w.set(FLOAT, o, w.get(FLOAT, o) - step * mj / ((float) Math.sqrt(vj) * root + epsilon));
        }
    }

    /** Updates one parameter of an array. */
    void update(float[] w, float[] m, float[] v, int i, double gradient) {
        m[i] = (float) (beta1 * m[i] + rest1 * gradient);
        v[i] = (float) (beta2 * v[i] + rest2 * gradient * gradient);
        w[i] -= step * m[i] / ((float) Math.sqrt(v[i]) * root + epsilon);
    }
}
