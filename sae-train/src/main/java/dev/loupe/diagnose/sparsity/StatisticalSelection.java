package dev.loupe.diagnose.sparsity;

import dev.loupe.base.Fmt;
import dev.loupe.diagnose.About;
import dev.loupe.diagnose.Diagnostic;
import dev.loupe.diagnose.Figure;
import dev.loupe.diagnose.Finding;
import dev.loupe.diagnose.Need;
import dev.loupe.diagnose.Numbers;
import dev.loupe.diagnose.ResultTable;
import dev.loupe.diagnose.RowPass;
import dev.loupe.diagnose.SinglePass;
import dev.loupe.diagnose.Source;
import dev.loupe.diagnose.Study;
import dev.loupe.diagnose.Subject;
import dev.loupe.diagnose.Topic;
import dev.loupe.diagnose.Wants;
import dev.loupe.math.Matrix;
import dev.loupe.math.Parallel;
import dev.loupe.math.StatisticalTopK;
import dev.loupe.math.VectorOps;
import dev.loupe.sae.Sae;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The bias of statistical top-k on real pre-activations (You et al., "Spark Transformer: Reactivating Sparsity in FFN and
 * Attention", arXiv 2506.06644): θ = mean + std · Q(1 − k/d) selects k of d Gaussian numbers; those of an SAE are not
 * Gaussian.
 */
public final class StatisticalSelection implements Diagnostic {
    private static final long ROWS = 2048;

    @Override
    public About about() {
        return About.of(
                "statistical-top-k",
                Topic.SPARSITY,
                "Does choosing latents by mean and standard deviation choose as many as it should?",
                "For every token theta = mean + std Q(1 − k/n) over its n pre-activations, Q the normal quantile. Bias:"
                        + " mean number of latents above theta over k. Agreement: share of the k largest that are above"
                        + " it. k is that of the SAE, or its L0 on these rows.",
                Set.of(Need.STORE, Need.SAE),
                Source.paper("Spark Transformer: Reactivating Sparsity in FFN and Attention", "arXiv 2506.06644"));
    }

    @Override
    public Study begin(Subject subject) {
        return new Counting(subject.sae());
    }

    /** How many of n values exceed the threshold, and how many of the k largest do. */
    static int[] selected(float[] values, int k) {
        double theta = StatisticalTopK.threshold(values, 0, values.length, k);
        int above = 0;
        for (float v : values) {
            above += v > theta ? 1 : 0;
        }
        return new int[] {above, Math.min(above, k)};
    }

    private static final class Counting extends SinglePass {
        private final Sae sae;
        private final List<float[]> kept = new ArrayList<>();
        private long active;

        Counting(Sae sae) {
            this.sae = sae;
        }

        @Override
        protected Wants all() {
            return Wants.rows(sae.hookName()).and(Wants.codes(sae)).upTo(ROWS);
        }

        @Override
        public void see(RowPass pass) {
            Matrix x = pass.values(sae.hookName());
            int rows = (int) Math.min(x.rows(), ROWS - kept.size());
            for (int r = 0; r < rows; r++) {
                kept.add(x.row(r));
                active += pass.codes(sae).count(r);
            }
        }

        @Override
        public Finding finding() {
            int k = sae.k() > 0 ? sae.k() : (int) Math.max(1, Math.round((double) active / kept.size()));
            double[] counts = new double[kept.size()];
            double[] agreements = new double[kept.size()];
            double[] thetas = new double[kept.size()];
            Parallel.run(kept.size(), r -> {
                float[] pi = preActivations(kept.get(r));
                int[] both = selected(pi, k);
                counts[r] = both[0];
                agreements[r] = (double) both[1] / k;
                thetas[r] = StatisticalTopK.threshold(pi, 0, pi.length, k);
            });
            double mean = Numbers.mean(counts);
            Arrays.sort(thetas);
            ResultTable table =
                    ResultTable.of("token:whole:number of the sample", "selected:number:latents above theta");
            for (int r = 0; r < counts.length; r++) {
                table.row(r, counts[r]);
            }
            return new Finding(
                    "Asked for " + k + " of " + sae.dSae() + " latents, the statistical rule takes "
                            + Numbers.fixed(mean, 1) + " (" + Numbers.fixed(mean / k, 2) + " times as many) and finds "
                            + Fmt.percent(Numbers.mean(agreements)) + " of the largest " + k + ".",
                    Map.of(
                            "k",
                            (double) k,
                            "selected",
                            mean,
                            "bias",
                            mean / k,
                            "agreement",
                            Numbers.mean(agreements),
                            "theta_median",
                            Numbers.quantile(thetas, 0.5)),
                    table,
                    List.of(Figure.histogram("Latents chosen per token", "latents", counts, 40)));
        }

        private float[] preActivations(float[] x) {
            float[] centred = x.clone();
            if (sae.applyBDecToInput()) {
                for (int j = 0; j < x.length; j++) {
                    centred[j] -= sae.bDec()[j];
                }
            }
            float[] pi = sae.bEnc().clone();
            for (int i = 0; i < pi.length; i++) {
                pi[i] += VectorOps.dot(
                        centred,
                        0,
                        sae.encoderRows().segment(),
                        sae.encoderRows().offset(i),
                        x.length);
            }
            return pi;
        }
    }
}
