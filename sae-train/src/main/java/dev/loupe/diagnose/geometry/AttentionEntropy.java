package dev.loupe.diagnose.geometry;

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
import dev.loupe.model.Activation;
import dev.loupe.model.HookPoint;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * Entropy of attention heads (Jha and Reagen, "ReLU's Revival: On the Entropic Overload in Normalization-Free Large
 * Language Models", arXiv 2410.09637).
 */
public final class AttentionEntropy implements Diagnostic {
    private static final long TOKENS = 4096;

    @Override
    public About about() {
        return About.of(
                "attention-entropy",
                Topic.GEOMETRY,
                "Which heads look everywhere, and which at one place?",
                "Entropy in nats of each row of a head's attention pattern, over the logarithm of the number of keys"
                        + " that the query sees (at least 4), mean over queries: 1 looks everywhere alike, 0 at one"
                        + " place. Overloaded: above 0.75; collapsed: below 0.1.",
                Set.of(Need.MODEL),
                Source.paper(
                                "ReLU's Revival: On the Entropic Overload in Normalization-Free Large Language Models",
                                "arXiv 2410.09637")
                        .but("Entropy is normalised by the number of keys."));
    }

    @Override
    public Study begin(Subject subject) {
        return new Measuring(
                Numbers.layers(subject, l -> HookPoint.block(l, "attn.hook_pattern")),
                subject.model().config().nHeads());
    }

    private static final class Measuring extends SinglePass {
        private final List<HookPoint> hooks;
        private final double[][] sums;
        private long queries;

        Measuring(List<HookPoint> hooks, int heads) {
            this.hooks = hooks;
            this.sums = new double[hooks.size()][heads];
        }

        @Override
        protected Wants all() {
            return Wants.model(hooks).upTo(TOKENS);
        }

        @Override
        public void see(ModelPass pass) {
            for (int l = 0; l < sums.length; l++) {
                Activation a = pass.forward().activation(hooks.get(l));
                int heads = sums[l].length;
                int keys = a.width() / heads;
                for (int b = 0; b < pass.ids().length; b++) {
                    for (int q = 3; q < pass.ids()[b].length; q++) {
                        for (int h = 0; h < heads; h++) {
                            double entropy = 0;
                            for (int k = 0; k <= q; k++) {
                                double w = a.get(b, q, h * keys + k);
                                entropy -= w > 0 ? w * Math.log(w) : 0;
                            }
                            sums[l][h] += entropy / Math.log(q + 1);
                        }
                        queries += l == 0 ? 1 : 0;
                    }
                }
            }
        }

        @Override
        public Finding finding() {
            ResultTable table = ResultTable.of(
                    "layer:whole:block", "head:whole:in the block", "entropy:number:normalised, mean over queries");
            double[][] grid = new double[sums.length][];
            int over = 0;
            int collapsed = 0;
            int heads = 0;
            double mean = 0;
            for (int l = 0; l < sums.length; l++) {
                grid[l] = Arrays.stream(sums[l]).map(s -> s / queries).toArray();
                for (int h = 0; h < grid[l].length; h++) {
                    table.row(l, h, grid[l][h]);
                    over += grid[l][h] > 0.75 ? 1 : 0;
                    collapsed += grid[l][h] < 0.1 ? 1 : 0;
                    mean += grid[l][h];
                    heads++;
                }
            }
            return new Finding(
                    "Of " + heads + " heads " + over + " look nearly everywhere and " + collapsed
                            + " at nearly one place; the mean entropy is " + Numbers.fixed(mean / heads, 2)
                            + " of the possible.",
                    Map.of(
                            "overloaded", (double) over,
                            "collapsed", (double) collapsed,
                            "mean", mean / heads,
                            "heads", (double) heads),
                    table,
                    List.of(Figure.heat(
                            "Entropy of heads",
                            "normalised entropy",
                            IntStream.range(0, grid.length)
                                    .mapToObj(l -> "layer " + l)
                                    .toList(),
                            IntStream.range(0, grid[0].length)
                                    .mapToObj(h -> "head " + h)
                                    .toList(),
                            grid)));
        }
    }
}
