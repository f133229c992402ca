package dev.loupe.kernel;

import static dev.loupe.kernel.Native.L;
import static dev.loupe.kernel.Native.load;
import static dev.loupe.kernel.Native.store;

import jdk.incubator.vector.FloatVector;

/**
 * The innermost part of a product of many rows: four rows of the left side times one packed panel of the weights, all sums
 * in registers. They are separate local variables, and no method takes them, because the compiler keeps only such in registers. AVX-512 and ARM
 * have 32 vector registers and take four vectors of outputs, AVX2 has 16 and takes two.
 */
final class TileKernel {
    private static final boolean WIDE =
            L >= 16 || System.getProperty("os.arch", "").equals("aarch64");

    /** Outputs of one panel. */
    static final int WIDTH = WIDE ? 4 * L : 2 * L;

    private TileKernel() {}

    /**
     * {@code out[r][j] = Σ_k x[r][k] · panel[k][j]} for four rows and {@link #WIDTH} outputs, sums in the order of k.
     *
     * @param x0 address of the first row's values; x1, x2, x3 likewise
     * @param panel {@code [inner][WIDTH]}
     * @param o0 address of the first row's outputs; o1, o2, o3 likewise
     */
    static void multiply(
            long x0, long x1, long x2, long x3, long panel, int inner, long o0, long o1, long o2, long o3) {
        if (WIDE) {
            wide(x0, x1, x2, x3, panel, inner, o0, o1, o2, o3);
        } else {
            narrow(x0, x1, x2, x3, panel, inner, o0, o1, o2, o3);
        }
    }

    static void wide(long x0, long x1, long x2, long x3, long panel, int inner, long o0, long o1, long o2, long o3) {
        FloatVector z = FloatVector.zero(Native.S);
        FloatVector c00 = z;
        FloatVector c01 = z;
        FloatVector c02 = z;
        FloatVector c03 = z;
        FloatVector c10 = z;
        FloatVector c11 = z;
        FloatVector c12 = z;
        FloatVector c13 = z;
        FloatVector c20 = z;
        FloatVector c21 = z;
        FloatVector c22 = z;
        FloatVector c23 = z;
        FloatVector c30 = z;
        FloatVector c31 = z;
        FloatVector c32 = z;
        FloatVector c33 = z;
        long w = panel;
        for (int k = 0; k < inner; k++, w += 16L * L) {
            FloatVector w0 = load(w);
            FloatVector w1 = load(w + 4L * L);
            FloatVector w2 = load(w + 8L * L);
            FloatVector w3 = load(w + 12L * L);
            FloatVector v = FloatVector.broadcast(Native.S, Native.get(x0 + 4L * k));
            c00 = w0.fma(v, c00);
            c01 = w1.fma(v, c01);
            c02 = w2.fma(v, c02);
            c03 = w3.fma(v, c03);
            v = FloatVector.broadcast(Native.S, Native.get(x1 + 4L * k));
            c10 = w0.fma(v, c10);
            c11 = w1.fma(v, c11);
            c12 = w2.fma(v, c12);
            c13 = w3.fma(v, c13);
            v = FloatVector.broadcast(Native.S, Native.get(x2 + 4L * k));
            c20 = w0.fma(v, c20);
            c21 = w1.fma(v, c21);
            c22 = w2.fma(v, c22);
            c23 = w3.fma(v, c23);
            v = FloatVector.broadcast(Native.S, Native.get(x3 + 4L * k));
            c30 = w0.fma(v, c30);
            c31 = w1.fma(v, c31);
            c32 = w2.fma(v, c32);
            c33 = w3.fma(v, c33);
        }
        store(c00, o0);
        store(c01, o0 + 4L * L);
        store(c02, o0 + 8L * L);
        store(c03, o0 + 12L * L);
        store(c10, o1);
        store(c11, o1 + 4L * L);
        store(c12, o1 + 8L * L);
        store(c13, o1 + 12L * L);
        store(c20, o2);
        store(c21, o2 + 4L * L);
        store(c22, o2 + 8L * L);
        store(c23, o2 + 12L * L);
        store(c30, o3);
        store(c31, o3 + 4L * L);
        store(c32, o3 + 8L * L);
        store(c33, o3 + 12L * L);
    }

    static void narrow(long x0, long x1, long x2, long x3, long panel, int inner, long o0, long o1, long o2, long o3) {
        FloatVector z = FloatVector.zero(Native.S);
        FloatVector c00 = z;
        FloatVector c01 = z;
        FloatVector c10 = z;
        FloatVector c11 = z;
        FloatVector c20 = z;
        FloatVector c21 = z;
        FloatVector c30 = z;
        FloatVector c31 = z;
        long w = panel;
        for (int k = 0; k < inner; k++, w += 8L * L) {
            FloatVector w0 = load(w);
            FloatVector w1 = load(w + 4L * L);
            FloatVector v = FloatVector.broadcast(Native.S, Native.get(x0 + 4L * k));
            c00 = w0.fma(v, c00);
            c01 = w1.fma(v, c01);
            v = FloatVector.broadcast(Native.S, Native.get(x1 + 4L * k));
            c10 = w0.fma(v, c10);
            c11 = w1.fma(v, c11);
            v = FloatVector.broadcast(Native.S, Native.get(x2 + 4L * k));
            c20 = w0.fma(v, c20);
            c21 = w1.fma(v, c21);
            v = FloatVector.broadcast(Native.S, Native.get(x3 + 4L * k));
            c30 = w0.fma(v, c30);
            c31 = w1.fma(v, c31);
        }
        store(c00, o0);
        store(c01, o0 + 4L * L);
        store(c10, o1);
        store(c11, o1 + 4L * L);
        store(c20, o2);
        store(c21, o2 + 4L * L);
        store(c30, o3);
        store(c31, o3 + 4L * L);
    }
}
