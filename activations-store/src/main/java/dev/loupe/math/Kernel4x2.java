package dev.loupe.math;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * 4 rows by 2 vectors: 8 accumulators, for machines with 16 vector registers (with 12 the
 * compiler spills and is half as fast). They are separate local variables
 * because the compiler keeps only those in registers; an array of them would live in memory.
 */
enum Kernel4x2 implements Kernel {
    INSTANCE;

    private static final VectorSpecies<Float> S = FloatVector.SPECIES_PREFERRED;
    private static final int L = S.length();

    @Override
    public int height() {
        return 4;
    }

    @Override
    public int width() {
        return 2 * L;
    }

    @Override
    public void multiply(float[] x, int xAt, float[] panel, int inner, float[] out, int outAt, int stride) {
        FloatVector c00 = FloatVector.zero(S);
        FloatVector c01 = c00;
        FloatVector c10 = c00;
        FloatVector c11 = c00;
        FloatVector c20 = c00;
        FloatVector c21 = c00;
        FloatVector c30 = c00;
        FloatVector c31 = c00;
        int at = xAt;
        int w = 0;
        for (int k = 0; k < inner; k++, at += 4, w += 2 * L) {
            FloatVector w0 = FloatVector.fromArray(S, panel, w);
            FloatVector w1 = FloatVector.fromArray(S, panel, w + L);
            FloatVector x0 = FloatVector.broadcast(S, x[at]);
            c00 = w0.fma(x0, c00);
            c01 = w1.fma(x0, c01);
            FloatVector x1 = FloatVector.broadcast(S, x[at + 1]);
            c10 = w0.fma(x1, c10);
            c11 = w1.fma(x1, c11);
            FloatVector x2 = FloatVector.broadcast(S, x[at + 2]);
            c20 = w0.fma(x2, c20);
            c21 = w1.fma(x2, c21);
            FloatVector x3 = FloatVector.broadcast(S, x[at + 3]);
            c30 = w0.fma(x3, c30);
            c31 = w1.fma(x3, c31);
        }
        c00.intoArray(out, outAt);
        c01.intoArray(out, outAt + L);
        c10.intoArray(out, outAt + stride);
        c11.intoArray(out, outAt + stride + L);
        c20.intoArray(out, outAt + 2 * stride);
        c21.intoArray(out, outAt + 2 * stride + L);
        c30.intoArray(out, outAt + 3 * stride);
        c31.intoArray(out, outAt + 3 * stride + L);
    }
}
