package dev.loupe.math;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * 4 rows by 4 vectors: 16 accumulators, for machines with 32 vector registers. They are separate local variables
 * because the compiler keeps only those in registers; an array of them would live in memory.
 */
enum Kernel4x4 implements Kernel {
    INSTANCE;

    private static final VectorSpecies<Float> S = FloatVector.SPECIES_PREFERRED;
    private static final int L = S.length();

    @Override
    public int height() {
        return 4;
    }

    @Override
    public int width() {
        return 4 * L;
    }

    @Override
    public void multiply(float[] x, int xAt, float[] panel, int inner, float[] out, int outAt, int stride) {
        FloatVector c00 = FloatVector.zero(S);
        FloatVector c01 = c00;
        FloatVector c02 = c00;
        FloatVector c03 = c00;
        FloatVector c10 = c00;
        FloatVector c11 = c00;
        FloatVector c12 = c00;
        FloatVector c13 = c00;
        FloatVector c20 = c00;
        FloatVector c21 = c00;
        FloatVector c22 = c00;
        FloatVector c23 = c00;
        FloatVector c30 = c00;
        FloatVector c31 = c00;
        FloatVector c32 = c00;
        FloatVector c33 = c00;
        int at = xAt;
        int w = 0;
        for (int k = 0; k < inner; k++, at += 4, w += 4 * L) {
            FloatVector w0 = FloatVector.fromArray(S, panel, w);
            FloatVector w1 = FloatVector.fromArray(S, panel, w + L);
            FloatVector w2 = FloatVector.fromArray(S, panel, w + 2 * L);
            FloatVector w3 = FloatVector.fromArray(S, panel, w + 3 * L);
            FloatVector x0 = FloatVector.broadcast(S, x[at]);
            c00 = w0.fma(x0, c00);
            c01 = w1.fma(x0, c01);
            c02 = w2.fma(x0, c02);
            c03 = w3.fma(x0, c03);
            FloatVector x1 = FloatVector.broadcast(S, x[at + 1]);
            c10 = w0.fma(x1, c10);
            c11 = w1.fma(x1, c11);
            c12 = w2.fma(x1, c12);
            c13 = w3.fma(x1, c13);
            FloatVector x2 = FloatVector.broadcast(S, x[at + 2]);
            c20 = w0.fma(x2, c20);
            c21 = w1.fma(x2, c21);
            c22 = w2.fma(x2, c22);
            c23 = w3.fma(x2, c23);
            FloatVector x3 = FloatVector.broadcast(S, x[at + 3]);
            c30 = w0.fma(x3, c30);
            c31 = w1.fma(x3, c31);
            c32 = w2.fma(x3, c32);
            c33 = w3.fma(x3, c33);
        }
        c00.intoArray(out, outAt);
        c01.intoArray(out, outAt + L);
        c02.intoArray(out, outAt + 2 * L);
        c03.intoArray(out, outAt + 3 * L);
        c10.intoArray(out, outAt + stride);
        c11.intoArray(out, outAt + stride + L);
        c12.intoArray(out, outAt + stride + 2 * L);
        c13.intoArray(out, outAt + stride + 3 * L);
        c20.intoArray(out, outAt + 2 * stride);
        c21.intoArray(out, outAt + 2 * stride + L);
        c22.intoArray(out, outAt + 2 * stride + 2 * L);
        c23.intoArray(out, outAt + 2 * stride + 3 * L);
        c30.intoArray(out, outAt + 3 * stride);
        c31.intoArray(out, outAt + 3 * stride + L);
        c32.intoArray(out, outAt + 3 * stride + 2 * L);
        c33.intoArray(out, outAt + 3 * stride + 3 * L);
    }
}
