package dev.loupe.engine;

import dev.loupe.math.Matrix;
import dev.loupe.sae.SaeWeights;
import java.lang.foreign.Arena;

/** A set of parameters, gradients or moments in double, for the scalar reference. */
final class ScalarValues {
    final double[][] enc;
    final double[][] dec;
    final double[] bEnc;
    final double[] bDec;
    final double[] theta;

    ScalarValues(int n, int d, int thresholds) {
        enc = new double[n][d];
        dec = new double[n][d];
        bEnc = new double[n];
        bDec = new double[d];
        theta = new double[thresholds];
    }

    static ScalarValues of(SaeWeights w) {
        ScalarValues p = new ScalarValues(w.dSae(), w.dIn(), w.threshold().length);
        for (int i = 0; i < w.dSae(); i++) {
            p.enc[i] = widen(w.encoderRows().row(i));
            p.dec[i] = widen(w.decoderRows().row(i));
        }
        copy(widen(w.bEnc()), p.bEnc);
        copy(widen(w.bDec()), p.bDec);
        copy(widen(w.threshold()), p.theta);
        return p;
    }

    SaeWeights narrow() {
        Matrix e = Matrix.allocate(Arena.ofAuto(), enc.length, bDec.length);
        Matrix dm = Matrix.allocate(Arena.ofAuto(), enc.length, bDec.length);
        for (int i = 0; i < enc.length; i++) {
            e.setRow(i, narrow(enc[i]));
            dm.setRow(i, narrow(dec[i]));
        }
        return new SaeWeights(e, dm, narrow(bEnc), narrow(bDec), narrow(theta));
    }

    private static void copy(double[] from, double[] to) {
        System.arraycopy(from, 0, to, 0, to.length);
    }

    static double[] widen(float[] a) {
        double[] b = new double[a.length];
        for (int j = 0; j < a.length; j++) {
            b[j] = a[j];
        }
        return b;
    }

    static float[] narrow(double[] a) {
        float[] b = new float[a.length];
        for (int j = 0; j < a.length; j++) {
            b[j] = (float) a[j];
        }
        return b;
    }
}
