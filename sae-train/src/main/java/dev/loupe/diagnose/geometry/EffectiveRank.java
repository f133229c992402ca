package dev.loupe.diagnose.geometry;

import dev.loupe.diagnose.About;
import dev.loupe.diagnose.Algebra;
import dev.loupe.diagnose.Covariance;
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
import dev.loupe.math.Parallel;
import dev.loupe.model.HookPoint;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * How many directions each layer fills, beside what random ReLU layers would do (Krastev, "Some Theoretical Results on
 * Layerwise Effective Dimension Oscillations in Finite Width ReLU Networks", arXiv 2507.07675).
 */
public final class EffectiveRank implements Diagnostic {
    private static final long TOKENS = 8192;

    @Override
    public About about() {
        return About.of(
                "effective-rank",
                Topic.GEOMETRY,
                "How many directions does each layer fill, and how many would a random ReLU network?",
                "Effective rank of the covariance of the residual stream behind each block: exp of the entropy of its"
                        + " eigenvalues taken as shares. Null model: a stack of random ReLU layers of the same width m,"
                        + " whose expected effective dimension after l layers is m (1 − (1 − 2/pi)^l); its deficit"
                        + " shrinks by 0.3634 a layer.",
                Set.of(Need.MODEL),
                Source.paper(
                        "Some Theoretical Results on Layerwise Effective Dimension Oscillations in Finite Width ReLU"
                                + " Networks",
                        "arXiv 2507.07675"));
    }

    /** m (1 − (1 − 2/π)^l). */
    static double random(int width, int layers) {
        return width * (1 - Math.pow(1 - 2 / Math.PI, layers));
    }

    @Override
    public Study begin(Subject subject) {
        return new Measuring(Numbers.layers(subject, HookPoint::residPost));
    }

    private static final class Measuring extends SinglePass {
        private final List<HookPoint> hooks;
        private final Covariance[] covariances;
        private int width;

        Measuring(List<HookPoint> hooks) {
            this.hooks = hooks;
            this.covariances = new Covariance[hooks.size()];
        }

        @Override
        protected Wants all() {
            return Wants.model(hooks).upTo(TOKENS);
        }

        @Override
        public void see(ModelPass pass) {
            for (int l = 0; l < covariances.length; l++) {
                int layer = l;
                pass.ordinary(hooks.get(l), (row, b, p) -> {
                    if (covariances[layer] == null) {
                        width = row.length;
                        covariances[layer] = new Covariance(width);
                    }
                    covariances[layer].add(row);
                });
            }
        }

        @Override
        public Finding finding() {
            ResultTable table = ResultTable.of(
                    "layer:whole:block",
                    "effective_rank:number:of the residual stream behind it",
                    "random_relu:number:expected after as many random ReLU layers",
                    "largest:number:share of the variance in the main direction");
            int n = covariances.length;
            double[] rank = new double[n];
            double[] none = new double[n];
            double[] largest = new double[n];
            Parallel.run(n, l -> {
                double[] values = Algebra.symmetric(covariances[l].covariance()).values();
                rank[l] = Algebra.effectiveRank(values);
                double all = Arrays.stream(values).map(v -> Math.max(0, v)).sum();
                largest[l] = all == 0 ? 0 : values[0] / all;
            });
            int low = 0;
            for (int l = 0; l < n; l++) {
                none[l] = random(width, l + 1);
                low = rank[l] < rank[low] ? l : low;
                table.row(l, rank[l], none[l], largest[l]);
            }
            return new Finding(
                    "The residual stream fills " + Numbers.fixed(rank[n - 1], 1) + " of " + width
                            + " directions at the end and " + Numbers.fixed(rank[low], 1) + " in layer " + low
                            + ", where it fills fewest; a random ReLU network would fill "
                            + Numbers.fixed(none[n - 1], 1) + ".",
                    Map.of("rank_end", rank[n - 1], "rank_lowest", rank[low], "random_end", none[n - 1]),
                    table,
                    List.of(Figure.curve(
                            "Effective rank by layer",
                            "layer",
                            "directions",
                            List.of(
                                    Figure.Series.byIndex("residual stream", rank),
                                    Figure.Series.byIndex("random ReLU network", none)))));
        }
    }
}
