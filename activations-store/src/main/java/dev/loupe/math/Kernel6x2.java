package dev.loupe.math;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * 6 rows by 2 vectors: 12 accumulators, for machines with 16 vector registers. They are separate local variables
 * because the compiler keeps only those in registers; an array of them would live in memory.
 */
enum Kernel6x2 implements Kernel {
    INSTANCE;

    private static final VectorSpecies<Float> S = FloatVector.SPECIES_PREFERRED;
    private static final int L = S.length();

    @Override
    public int height() {
        return 6;
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
        FloatVector c40 = c00;
        FloatVector c41 = c00;
        FloatVector c50 = c00;
        FloatVector c51 = c00;
        for (int k = 0; k < inner; k++) {
            FloatVector w0 = FloatVector.fromArray(S, panel, k * 2 * L);
            FloatVector w1 = FloatVector.fromArray(S, panel, k * 2 * L + L);
            int at = xAt + k * 6;
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
            FloatVector x4 = FloatVector.broadcast(S, x[at + 4]);
            c40 = w0.fma(x4, c40);
            c41 = w1.fma(x4, c41);
            FloatVector x5 = FloatVector.broadcast(S, x[at + 5]);
            c50 = w0.fma(x5, c50);
            c51 = w1.fma(x5, c51);
        }
        c00.intoArray(out, outAt);
        c01.intoArray(out, outAt + L);
        c10.intoArray(out, outAt + stride);
        c11.intoArray(out, outAt + stride + L);
        c20.intoArray(out, outAt + 2 * stride);
        c21.intoArray(out, outAt + 2 * stride + L);
        c30.intoArray(out, outAt + 3 * stride);
        c31.intoArray(out, outAt + 3 * stride + L);
        c40.intoArray(out, outAt + 4 * stride);
        c41.intoArray(out, outAt + 4 * stride + L);
        c50.intoArray(out, outAt + 5 * stride);
        c51.intoArray(out, outAt + 5 * stride + L);
    }
}
