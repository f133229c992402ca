package dev.loupe.diagnose.geometry;

import dev.loupe.base.Fmt;
import dev.loupe.diagnose.About;
import dev.loupe.diagnose.Diagnostic;
import dev.loupe.diagnose.Figure;
import dev.loupe.diagnose.Finding;
import dev.loupe.diagnose.ModelPass;
import dev.loupe.diagnose.Need;
import dev.loupe.diagnose.Numbers;
import dev.loupe.diagnose.ResultTable;
import dev.loupe.diagnose.SinglePass;
import dev.loupe.diagnose.Source;
import dev.loupe.diagnose.Study;
import dev.loupe.diagnose.Subject;
import dev.loupe.diagnose.Topic;
import dev.loupe.diagnose.Wants;
import dev.loupe.model.HookPoint;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Signal propagation plots (Brock et al., "Characterizing signal propagation to close the performance gap in unnormalized
 * ResNets", arXiv 2101.08692, section 3).
 */
public final class SignalPropagation implements Diagnostic {
    private static final long TOKENS = 16_384;
    private static final List<String> PLACES = List.of("hook_resid_post", "hook_attn_out", "hook_mlp_out");

    @Override
    public About about() {
        return About.of(
                "signal-propagation",
                Topic.GEOMETRY,
                "How do the mean and the variance of channels grow through the layers?",
                "Per layer: average over channels of the squared mean over tokens, and average over channels of the"
                        + " variance over tokens; for the residual stream behind the block and for what attention and"
                        + " MLP add to it.",
                Set.of(Need.MODEL),
                Source.paper(
                        "Characterizing signal propagation to close the performance gap in unnormalized ResNets",
                        "arXiv 2101.08692, section 3"));
    }

    @Override
    public Study begin(Subject subject) {
        return new Measuring(subject);
    }

    private static final class Measuring extends SinglePass {
        private final List<HookPoint> hooks = new ArrayList<>();
        private final int layers;
        private final double[][] sums;
        private final double[][] squares;
        private long tokens;

        Measuring(Subject subject) {
            PLACES.forEach(p -> hooks.addAll(Numbers.layers(subject, l -> HookPoint.block(l, p))));
            layers = hooks.size() / PLACES.size();
            sums = new double[hooks.size()][];
            squares = new double[hooks.size()][];
        }

        @Override
        protected Wants all() {
            return Wants.model(hooks).upTo(TOKENS);
        }

        @Override
        public void see(ModelPass pass) {
            for (int h = 0; h < sums.length; h++) {
                int here = h;
                pass.ordinary(hooks.get(h), (row, b, p) -> {
                    if (sums[here] == null) {
                        sums[here] = new double[row.length];
                        squares[here] = new double[row.length];
                    }
                    for (int j = 0; j < row.length; j++) {
                        sums[here][j] += row[j];
                        squares[here][j] += (double) row[j] * row[j];
                    }
                });
            }
            tokens += pass.ordinary();
        }

        @Override
        public Finding finding() {
            ResultTable table = ResultTable.of(
                    "layer:whole:block",
                    "place:text:hook point in it",
                    "squared_mean:number:average over channels of the squared mean",
                    "variance:number:average over channels of the variance");
            double[][] means = new double[PLACES.size()][layers];
            double[][] variances = new double[PLACES.size()][layers];
            for (int l = 0; l < layers; l++) {
                for (int k = 0; k < PLACES.size(); k++) {
                    double[] s = sums[k * layers + l];
                    double[] q = squares[k * layers + l];
                    for (int j = 0; j < s.length; j++) {
                        double mean = s[j] / tokens;
                        means[k][l] += mean * mean / s.length;
                        variances[k][l] += Math.max(0, q[j] / tokens - mean * mean) / s.length;
                    }
                    table.row(l, PLACES.get(k), means[k][l], variances[k][l]);
                }
            }
            double growth = variances[0][layers - 1] / variances[0][0];
            double share = means[0][layers - 1] / (means[0][layers - 1] + variances[0][layers - 1]);
            List<Figure.Series> mean = new ArrayList<>();
            List<Figure.Series> variance = new ArrayList<>();
            for (int k = 0; k < PLACES.size(); k++) {
                mean.add(Figure.Series.byIndex(PLACES.get(k), means[k]));
                variance.add(Figure.Series.byIndex(PLACES.get(k), variances[k]));
            }
            return new Finding(
                    "From the first block to the last the variance of a channel of the residual stream grows "
                            + Numbers.short3(growth) + " times; its mean makes up " + Fmt.percent(share)
                            + " of its mean square at the end.",
                    Map.of("variance_growth", growth, "mean_share_end", share),
                    table,
                    List.of(
                            Figure.curve("Variance of channels", "layer", "variance", variance)
                                    .withLogY(),
                            Figure.curve("Squared mean of channels", "layer", "squared mean", mean)
                                    .withLogY()));
        }
    }
}
