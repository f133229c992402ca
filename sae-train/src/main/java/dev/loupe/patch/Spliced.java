package dev.loupe.patch;

import dev.loupe.math.Matrix;
import dev.loupe.model.Activation;
import dev.loupe.model.Editor;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SparseCodes;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;

/**
 * One SAE in the forward pass with some of its nodes replaced by their means: with x = Σ f d + b + error, latents outside
 * the kept ones take their mean at that position over other prompts, and so does the error unless it is kept. A value of
 * which everything is kept is not touched; one of which nothing is kept becomes the mean of x.
 */
public final class Spliced {
    private final Sae sae;
    private final double[][] meanLatents; // [position][d_sae]
    private final double[][] meanError; // [position][d_out]

    private Spliced(Sae sae, double[][] meanLatents, double[][] meanError) {
        this.sae = sae;
        this.meanLatents = meanLatents;
        this.meanError = meanError;
    }

    /**
     * Takes the means over prompts.
     *
     * @param values [prompt][position][width] of the SAE's hook
     */
    public static Spliced of(Sae sae, List<float[][]> values) {
        int positions = values.get(0).length;
        double[][] latents = new double[positions][sae.dSae()];
        double[][] error = new double[positions][sae.dOut()];
        for (float[][] x : values) {
            SparseCodes codes = sae.encode(Matrix.copyOf(x));
            for (int p = 0; p < positions; p++) {
                for (int e = codes.start(p); e < codes.end(p); e++) {
                    latents[p][codes.ids()[e]] += codes.values()[e] / (double) values.size();
                }
                double[] decoded = decoded(sae, codes, p);
                for (int i = 0; i < decoded.length; i++) {
                    error[p][i] += (x[p][i] - decoded[i]) / values.size();
                }
            }
        }
        return new Spliced(sae, latents, error);
    }

    private static double[] decoded(Sae sae, SparseCodes codes, int row) {
        double[] sum = new double[sae.dOut()];
        for (int i = 0; i < sum.length; i++) {
            sum[i] = sae.bDec()[i];
        }
        for (int e = codes.start(row); e < codes.end(row); e++) {
            add(sum, sae, codes.ids()[e], codes.values()[e]);
        }
        return sum;
    }

    private static void add(double[] sum, Sae sae, int latent, double by) {
        float[] d = sae.decoderRows().row(latent);
        for (int i = 0; i < sum.length; i++) {
            sum[i] += by * d[i];
        }
    }

    /**
     * The editor that keeps some nodes.
     *
     * @param kept latents; those beyond are replaced
     * @param keepError whether the error stays
     */
    public Editor keeping(BitSet kept, boolean keepError) {
        if (keepError && kept.cardinality() >= sae.dSae()) {
            return a -> {};
        }
        int[][] replaced = new int[meanLatents.length][]; // latents with a mean that are not kept
        for (int p = 0; p < replaced.length; p++) {
            double[] mean = meanLatents[p];
            replaced[p] = java.util.stream.IntStream.range(0, mean.length)
                    .filter(i -> mean[i] != 0 && !kept.get(i))
                    .toArray();
        }
        return a -> edit(a, kept, keepError, replaced);
    }

    private void edit(Activation a, BitSet kept, boolean keepError, int[][] replaced) {
        for (int b = 0; b < a.batch(); b++) {
            float[][] x = new float[Math.min(a.length(b), replaced.length)][];
            for (int p = 0; p < x.length; p++) {
                x[p] = a.row(b, p);
            }
            SparseCodes codes = sae.encode(Matrix.copyOf(x));
            for (int p = 0; p < x.length; p++) {
                double[] change = new double[sae.dOut()];
                for (int e = codes.start(p); e < codes.end(p); e++) {
                    if (!kept.get(codes.ids()[e])) {
                        add(change, sae, codes.ids()[e], -codes.values()[e]);
                    }
                }
                for (int latent : replaced[p]) {
                    add(change, sae, latent, meanLatents[p][latent]);
                }
                if (!keepError) {
                    double[] decoded = decoded(sae, codes, p);
                    for (int i = 0; i < change.length; i++) {
                        change[i] += meanError[p][i] - (x[p][i] - decoded[i]);
                    }
                }
                float[] y = Arrays.copyOf(x[p], x[p].length);
                for (int i = 0; i < y.length; i++) {
                    y[i] = (float) (y[i] + change[i]);
                }
                a.setRow(b, p, y);
            }
        }
    }
}
