package dev.loupe.diagnose.trust;

import dev.loupe.base.Fmt;
import dev.loupe.base.UsageException;
import dev.loupe.diagnose.About;
import dev.loupe.diagnose.Diagnostic;
import dev.loupe.diagnose.Figure;
import dev.loupe.diagnose.Finding;
import dev.loupe.diagnose.Need;
import dev.loupe.diagnose.ResultTable;
import dev.loupe.diagnose.RowPass;
import dev.loupe.diagnose.SinglePass;
import dev.loupe.diagnose.Source;
import dev.loupe.diagnose.Study;
import dev.loupe.diagnose.Subject;
import dev.loupe.diagnose.Topic;
import dev.loupe.diagnose.Wants;
import dev.loupe.math.Matrix;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SparseCodes;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;

/**
 * What an SAE makes of inputs far from its training (Kang et al., "Deep Neural Networks Tend To Extrapolate Predictably",
 * arXiv 2310.00873: outputs of networks revert to a constant on inputs unlike those of training).
 */
public final class Extrapolation implements Diagnostic {
    private static final double[] NOISE = {0, 0.25, 0.5, 1, 2, 4, 8};
    private static final int ROWS = 1024;

    @Override
    public About about() {
        return About.of(
                "extrapolation",
                Topic.TRUST,
                "Does the reconstruction fall back to b_dec on inputs that the SAE never saw?",
                "Rows of the store are moved away from it: x' = x + s e, e Gaussian with the standard deviation of each"
                        + " dimension (so that only the way dimensions go together is lost), s = 0, 1/4, ... 8. Reach:"
                        + " length of x_hat − b_dec over that of x' − b_dec; 0 means that the reconstruction fell back to"
                        + " b_dec, 1 that it goes along. Also the share of variance unexplained and the number of active"
                        + " latents.",
                Set.of(Need.STORE, Need.SAE),
                Source.paper("Deep Neural Networks Tend To Extrapolate Predictably", "arXiv 2310.00873")
                        .but("The constant is b_dec, what the SAE says when no latent fires."));
    }

    @Override
    public Study begin(Subject subject) {
        if (subject.sae().isTranscoder()) {
            throw new UsageException(subject.sae().name()
                    + " writes elsewhere than it reads, so its output cannot be compared with its input.");
        }
        return new Probing(subject);
    }

    private static final class Probing extends SinglePass {
        private final Sae sae;
        private final long seed;
        private final List<float[]> rows = new ArrayList<>();

        Probing(Subject subject) {
            this.sae = subject.sae();
            this.seed = subject.limits().seed();
        }

        @Override
        protected Wants all() {
            return Wants.rows(sae.hookName()).upTo(ROWS);
        }

        @Override
        public void see(RowPass pass) {
            Matrix x = pass.values(sae.hookName());
            for (long r = 0; r < x.rows() && rows.size() < ROWS; r++) {
                rows.add(x.row(r));
            }
        }

        @Override
        public Finding finding() {
            int d = sae.dIn();
            double[] mean = new double[d];
            double[] deviation = new double[d];
            rows.forEach(r -> {
                for (int j = 0; j < d; j++) {
                    mean[j] += (double) r[j] / rows.size();
                }
            });
            rows.forEach(r -> {
                for (int j = 0; j < d; j++) {
                    deviation[j] += (r[j] - mean[j]) * (r[j] - mean[j]) / rows.size();
                }
            });
            Random random = new Random(seed);
            float[][] noise = new float[rows.size()][d];
            for (float[] e : noise) {
                for (int j = 0; j < d; j++) {
                    e[j] = (float) (Math.sqrt(deviation[j]) * random.nextGaussian());
                }
            }
            ResultTable table = ResultTable.of(
                    "noise:number:s, in standard deviations of each dimension",
                    "reach:number:length of x_hat - b_dec over that of x - b_dec",
                    "unexplained:number:squared error over squared distance to the mean input",
                    "active:number:latents per input");
            double[] reach = new double[NOISE.length];
            double[] unexplained = new double[NOISE.length];
            for (int s = 0; s < NOISE.length; s++) {
                float[][] moved = new float[rows.size()][d];
                for (int r = 0; r < moved.length; r++) {
                    for (int j = 0; j < d; j++) {
                        moved[r][j] = (float) (rows.get(r)[j] + NOISE[s] * noise[r][j]);
                    }
                }
                SparseCodes codes = sae.encode(Matrix.copyOf(moved));
                float[] out = new float[d];
                double error = 0;
                double whole = 0;
                for (int r = 0; r < moved.length; r++) {
                    sae.decode(codes, r, out);
                    double there = 0;
                    double here = 0;
                    for (int j = 0; j < d; j++) {
                        there += Math.pow(out[j] - sae.bDec()[j], 2);
                        here += Math.pow(moved[r][j] - sae.bDec()[j], 2);
                        error += Math.pow(out[j] - moved[r][j], 2);
                        whole += Math.pow(moved[r][j] - mean[j], 2);
                    }
                    reach[s] += here == 0 ? 0 : Math.sqrt(there / here) / moved.length;
                }
                unexplained[s] = error / whole;
                table.row(NOISE[s], reach[s], unexplained[s], codes.l0());
            }
            int last = NOISE.length - 1;
            String verdict = reach[last] < 0.5 * reach[0]
                    ? "it falls back towards b_dec"
                    : "it goes along, so its size says nothing about familiarity";
            return new Finding(
                    "On inputs eight standard deviations away the reconstruction reaches " + Fmt.percent(reach[last])
                            + " of the way (on real ones " + Fmt.percent(reach[0]) + "): " + verdict + ".",
                    Map.of(
                            "reach_real", reach[0],
                            "reach_far", reach[last],
                            "unexplained_real", unexplained[0],
                            "unexplained_far", unexplained[last]),
                    table,
                    List.of(Figure.curve(
                            "Away from real activations",
                            "noise in standard deviations",
                            "share",
                            List.of(
                                    new Figure.Series("reach", NOISE, reach),
                                    new Figure.Series("unexplained", NOISE, unexplained)))));
        }
    }
}
