package dev.loupe.compare;

import dev.loupe.math.Parallel;
import dev.loupe.sae.SparseCodes;
import java.util.Arrays;

/**
 * Linear CKA of two code spaces on some tokens (Kornblith et al. 2019, arXiv 1905.00414): with Gram matrices K and L of
 * the codes, centred, ⟨K, L⟩ / (‖K‖ ‖L‖). Computed from tokens × tokens inner products of sparse codes, so the widths of
 * the SAEs do not matter; the centring is done on sums.
 */
final class Cka {
    private final int[][] idsA;
    private final float[][] valuesA;
    private final int[][] idsB;
    private final float[][] valuesB;
    private int rows;

    Cka(int most) {
        idsA = new int[most][];
        valuesA = new float[most][];
        idsB = new int[most][];
        valuesB = new float[most][];
    }

    int rows() {
        return rows;
    }

    /** Takes the tokens of a block that belong to the evenly spread sample. */
    void add(SparseCodes a, SparseCodes b, long first, long count) {
        for (int r = 0; r < a.rows(); r++) {
            long at = first + r;
            if (rows < idsA.length && at * idsA.length / count >= rows) {
                idsA[rows] = Arrays.copyOfRange(a.ids(), a.start(r), a.end(r));
                valuesA[rows] = Arrays.copyOfRange(a.values(), a.start(r), a.end(r));
                idsB[rows] = Arrays.copyOfRange(b.ids(), b.start(r), b.end(r));
                valuesB[rows++] = Arrays.copyOfRange(b.values(), b.start(r), b.end(r));
            }
        }
    }

    /** The similarity, 0 if one space does not vary. */
    double value() {
        double[] kl = new double[rows];
        double[] kk = new double[rows];
        double[] ll = new double[rows];
        double[] k = new double[rows];
        double[] l = new double[rows];
        int widthA = width(idsA);
        int widthB = width(idsB);
        Parallel.run(Math.ceilDiv(rows, 32), t -> {
            float[] denseA = new float[widthA];
            float[] denseB = new float[widthB];
            for (int i = t * 32; i < Math.min(rows, t * 32 + 32); i++) {
                spread(denseA, idsA[i], valuesA[i]);
                spread(denseB, idsB[i], valuesB[i]);
                for (int j = 0; j < rows; j++) {
                    double x = dot(denseA, idsA[j], valuesA[j]);
                    double y = dot(denseB, idsB[j], valuesB[j]);
                    kl[i] += x * y;
                    kk[i] += x * x;
                    ll[i] += y * y;
                    k[i] += x;
                    l[i] += y;
                }
                spread(denseA, idsA[i], new float[idsA[i].length]);
                spread(denseB, idsB[i], new float[idsB[i].length]);
            }
        });
        double value = centred(kl, k, l) / Math.sqrt(centred(kk, k, k) * centred(ll, l, l));
        return Double.isFinite(value) ? Math.clamp(value, 0, 1) : 0;
    }

    /** ⟨HKH, HLH⟩ = ΣK∘L − 2/n Σ_i k_i l_i + (Σk)(Σl)/n² with row sums k and l. */
    private double centred(double[] products, double[] k, double[] l) {
        double rowProducts = 0;
        for (int i = 0; i < rows; i++) {
            rowProducts += k[i] * l[i];
        }
        return Arrays.stream(products).sum()
                - 2 * rowProducts / rows
                + Arrays.stream(k).sum() * Arrays.stream(l).sum() / rows / rows;
    }

    private int width(int[][] ids) {
        int width = 0;
        for (int i = 0; i < rows; i++) {
            for (int id : ids[i]) {
                width = Math.max(width, id + 1);
            }
        }
        return width;
    }

    private static void spread(float[] dense, int[] ids, float[] values) {
        for (int e = 0; e < ids.length; e++) {
            dense[ids[e]] = values[e];
        }
    }

    private static double dot(float[] dense, int[] ids, float[] values) {
        double sum = 0;
        for (int e = 0; e < ids.length; e++) {
            sum += (double) dense[ids[e]] * values[e];
        }
        return sum;
    }
}
