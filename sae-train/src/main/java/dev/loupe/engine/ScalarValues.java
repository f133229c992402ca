package dev.loupe.engine;

import dev.loupe.math.Matrix;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;

/** A set of parameters, gradients or moments in double, for the scalar reference. */
final class ScalarValues {
    final double[][] enc;
    final double[][] dec;
    final double[] bEnc;
    final double[] bDec;
    final double[] theta;
    final double[] bMag;
    final double[] rMag;
    final double[][] skip;

    private ScalarValues(double[][] enc, double[][] dec, double[][] skip, double[]... vectors) {
        this.enc = enc;
        this.dec = dec;
        this.skip = skip;
        bEnc = vectors[0];
        bDec = vectors[1];
        theta = vectors[2];
        bMag = vectors[3];
        rMag = vectors[4];
    }

    static ScalarValues of(Parameters w) {
        return new ScalarValues(
                widen(w.encoderRows()),
                widen(w.decoderRows()),
                widen(w.skip()),
                w.vectors().stream().map(ScalarValues::widen).toArray(double[][]::new));
    }

    /** Zeros of the same shapes. */
    ScalarValues zeros() {
        return new ScalarValues(
                new double[enc.length][enc[0].length],
                new double[dec.length][bDec.length],
                new double[skip.length][enc[0].length],
                new double[bEnc.length],
                new double[bDec.length],
                new double[theta.length],
                new double[bMag.length],
                new double[rMag.length]);
    }

    /** Takes over what belongs to one latent. */
    void copyLatent(ScalarValues other, int latent) {
        enc[latent] = other.enc[latent].clone();
        dec[latent] = other.dec[latent].clone();
        bEnc[latent] = other.bEnc[latent];
        if (theta.length > 0) {
            theta[latent] = other.theta[latent];
        }
        if (bMag.length > 0) {
            bMag[latent] = other.bMag[latent];
            rMag[latent] = other.rMag[latent];
        }
    }

    /** Every row and vector, in one fixed order; not copies. */
    List<double[]> all() {
        List<double[]> all = new ArrayList<>(List.of(enc));
        all.addAll(List.of(dec));
        all.addAll(List.of(skip));
        all.addAll(List.of(bEnc, bDec, theta, bMag, rMag));
        return all;
    }

    Parameters narrow() {
        return new Parameters(
                narrow(enc, enc[0].length),
                narrow(dec, bDec.length),
                narrow(bEnc),
                narrow(bDec),
                narrow(theta),
                narrow(bMag),
                narrow(rMag),
                narrow(skip, enc[0].length));
    }

    private static Matrix narrow(double[][] rows, int cols) {
        Matrix m = Matrix.allocate(Arena.ofAuto(), rows.length, cols);
        for (int i = 0; i < rows.length; i++) {
            m.setRow(i, narrow(rows[i]));
        }
        return m;
    }

    private static double[][] widen(Matrix m) {
        double[][] rows = new double[(int) m.rows()][];
        for (int i = 0; i < rows.length; i++) {
            rows[i] = widen(m.row(i));
        }
        return rows;
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
