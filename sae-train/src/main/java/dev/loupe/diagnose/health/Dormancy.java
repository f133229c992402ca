package dev.loupe.diagnose.health;

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
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Graded dormancy of MLP neurons: s_i = E|h_i| / mean_k E|h_k| within a layer; τ-dormant where s_i ≤ τ (Sokar et al., "The
 * Dormant Neuron Phenomenon in Deep Reinforcement Learning", arXiv 2302.12902, definition 3.1).
 */
public final class Dormancy implements Diagnostic {
    static final double TAU = 0.025;
    static final Source SOURCE = Source.paper(
            "The Dormant Neuron Phenomenon in Deep Reinforcement Learning", "arXiv 2302.12902, definition 3.1");
    static final String DEFINITION =
            "Score of a unit: mean of its |activation| over tokens, divided by the mean of that"
                    + " over all units of its layer (1 is ordinary). A unit is dormant if its score is at most τ = 0.025, the"
                    + " paper's value; the table also has τ = 0 (never active) and 0.1.";

    @Override
    public About about() {
        return About.of(
                "dormant-neurons",
                Topic.HEALTH,
                "Which share of the MLP's neurons does next to nothing?",
                DEFINITION,
                Set.of(Need.MODEL),
                SOURCE);
    }

    @Override
    public Study begin(Subject subject) {
        return new Counting(Numbers.layers(subject, HookPoint::mlpPost));
    }

    /** The scores of units from the sums of their sizes; all 0 if every unit is silent. */
    static double[] scores(double[] sums) {
        double mean = Numbers.mean(sums);
        return Arrays.stream(sums).map(s -> mean == 0 ? 0 : s / mean).toArray();
    }

    /** The share of units whose score is at most τ. */
    static double dormant(double[] scores, double tau) {
        return (double) Arrays.stream(scores).filter(s -> s <= tau).count() / scores.length;
    }

    private static final class Counting extends SinglePass {
        private final List<HookPoint> hooks;
        private final double[][] sums;

        Counting(List<HookPoint> hooks) {
            this.hooks = hooks;
            this.sums = new double[hooks.size()][];
        }

        @Override
        protected Wants all() {
            return Wants.model(hooks);
        }

        @Override
        public void see(ModelPass pass) {
            for (int layer = 0; layer < sums.length; layer++) {
                if (sums[layer] == null) {
                    sums[layer] = new double
                            [pass.forward().activation(hooks.get(layer)).width()];
                }
                double[] sum = sums[layer];
                pass.ordinary(hooks.get(layer), (row, b, p) -> {
                    for (int i = 0; i < row.length; i++) {
                        sum[i] += Math.abs(row[i]);
                    }
                });
            }
        }

        @Override
        public Finding finding() {
            ResultTable table = ResultTable.of(
                    "layer:whole:block of the MLP",
                    "silent:number:share of neurons with score 0",
                    "dormant:number:share of neurons with score at most 0.025",
                    "quiet:number:share of neurons with score at most 0.1",
                    "lowest:number:the lowest score",
                    "highest:number:the highest score");
            double[] dormant = new double[sums.length];
            double[] quiet = new double[sums.length];
            List<Double> all = new ArrayList<>();
            for (int layer = 0; layer < sums.length; layer++) {
                double[] scores = scores(sums[layer]);
                dormant[layer] = dormant(scores, TAU);
                quiet[layer] = dormant(scores, 0.1);
                table.row(
                        layer,
                        dormant(scores, 0),
                        dormant[layer],
                        quiet[layer],
                        Arrays.stream(scores).min().orElse(Double.NaN),
                        Arrays.stream(scores).max().orElse(Double.NaN));
                Arrays.stream(scores).forEach(all::add);
            }
            double share = Numbers.mean(dormant);
            return new Finding(
                    Fmt.percent(share) + " of the MLP neurons are dormant (score at most 0.025), and "
                            + Fmt.percent(Numbers.mean(quiet)) + " are quiet (at most 0.1).",
                    Map.of("dormant", share, "quiet", Numbers.mean(quiet)),
                    table,
                    List.of(
                            Figure.curve(
                                    "Dormant neurons by layer",
                                    "layer",
                                    "share",
                                    List.of(
                                            Figure.Series.byIndex("at most 0.025", dormant),
                                            Figure.Series.byIndex("at most 0.1", quiet))),
                            Figure.histogram(
                                    "Scores of all neurons",
                                    "score",
                                    all.stream().mapToDouble(d -> d).toArray(),
                                    0,
                                    4,
                                    40)));
        }
    }
}
