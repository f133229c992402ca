package dev.loupe.diagnose.sparsity;

import dev.loupe.base.Fmt;
import dev.loupe.diagnose.About;
import dev.loupe.diagnose.Covariance;
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
import dev.loupe.model.MlpKind;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SparseCodes;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * How far latents must rise above their usual level to fire. Sparsity-inducing activations whose shift is large compared
 * with the spread of their input hardly ever fire and train badly (Price et al., "Deep Neural Network Initialization with
 * Sparsity Inducing Activations", arXiv 2402.16184); so a threshold that starts far out is worth a warning.
 */
public final class ThresholdScale implements Diagnostic {
    static final double FAR = 4;
    private static final long ROWS = 8192;

    @Override
    public About about() {
        return About.of(
                "threshold-scale",
                Topic.SPARSITY,
                "Do thresholds lie so far out that their latents can hardly fire?",
                "z of a latent: (theta − mean) / std of its pre-activation over tokens, theta its threshold (0 for ReLU"
                        + " and TopK latents). A Gaussian pre-activation would exceed it with probability 1 − Phi(z)."
                        + " Latents with z above 4 (fewer than 1 token in 30,000 if Gaussian) are counted as far out.",
                Set.of(Need.STORE, Need.SAE),
                Source.paper(
                                "Deep Neural Network Initialization with Sparsity Inducing Activations",
                                "arXiv 2402.16184")
                        .but("Its warning, shifts that are large for the spread of what they see, read off an SAE."));
    }

    @Override
    public Study begin(Subject subject) {
        return new Measuring(subject.sae());
    }

    private static final class Measuring extends SinglePass {
        private final Sae sae;
        private final Covariance inputs;
        private final long[] fired;
        private long rows;

        Measuring(Sae sae) {
            this.sae = sae;
            this.inputs = new Covariance(sae.dIn());
            this.fired = new long[sae.dSae()];
        }

        @Override
        protected Wants all() {
            return Wants.rows(sae.hookName()).and(Wants.codes(sae)).upTo(ROWS);
        }

        @Override
        public void see(RowPass pass) {
            Matrix x = pass.values(sae.hookName());
            float[] row = new float[x.cols()];
            for (int r = 0; r < x.rows(); r++) {
                x.copyRow(r, row);
                inputs.add(row);
            }
            SparseCodes codes = pass.codes(sae);
            for (int e = 0; e < codes.size(); e++) {
                fired[codes.ids()[e]]++;
            }
            rows += x.rows();
        }

        @Override
        public Finding finding() {
            // mean and variance of w.x + b follow from those of x
            double[] mean = inputs.mean();
            double[][] covariance = inputs.covariance();
            ResultTable table = ResultTable.of(
                    "latent:whole:number of the latent",
                    "z:number:standard deviations from the mean pre-activation to the threshold",
                    "gaussian:number:share of tokens that would exceed it if Gaussian",
                    "fires:number:share of tokens on which it is active");
            double[] z = new double[sae.dSae()];
            Parallel.run(z.length, i -> {
                float[] w = sae.encoderRows().row(i);
                double at = sae.bEnc()[i];
                double variance = 0;
                for (int j = 0; j < w.length; j++) {
                    at += w[j] * (mean[j] - (sae.applyBDecToInput() ? sae.bDec()[j] : 0));
                    double along = 0;
                    for (int k = 0; k < w.length; k++) {
                        along += covariance[j][k] * w[k];
                    }
                    variance += w[j] * along;
                }
                double theta = sae.threshold().length > 0 ? Math.max(0, sae.threshold()[i]) : 0;
                z[i] = (theta - at) / Math.sqrt(Math.max(variance, Double.MIN_NORMAL));
            });
            int far = 0;
            for (int i = 0; i < z.length; i++) {
                far += z[i] > FAR ? 1 : 0;
                table.row(i, z[i], 1 - MlpKind.normalCdf(z[i]), (double) fired[i] / rows);
            }
            double share = (double) far / z.length;
            double[] sorted = z.clone();
            Arrays.sort(sorted);
            double median = Numbers.quantile(sorted, 0.5);
            Finding f = new Finding(
                    "The median threshold lies " + Numbers.fixed(median, 1)
                            + " standard deviations above the mean pre-activation; " + Fmt.percent(share)
                            + " of the latents need more than 4.",
                    Map.of("median_z", median, "far_share", share),
                    table,
                    List.of(Figure.histogram(
                            "Standard deviations to the threshold", "z", z, Math.min(-2, sorted[0]), 8, 50)));
            return share <= 0.5
                    ? f
                    : f.noting(List.of("Most latents start or lie so far out that they can hardly fire: train with"
                            + " smaller thresholds (jumprelu threshold start), or measured ones."));
        }
    }
}
