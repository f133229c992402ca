package dev.loupe.diagnose.sparsity;

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
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The share of MLP neurons that are not zero, layer by layer (Li et al., "The Lazy Neuron Phenomenon: On Emergence of
 * Activation Sparsity in Transformers", arXiv 2210.06313).
 */
public final class NonZeroShare implements Diagnostic {
    @Override
    public About about() {
        return About.of(
                "non-zero-share",
                Topic.SPARSITY,
                "What share of the MLP's neurons is not zero for a token, layer by layer?",
                "Mean over tokens of the share of mlp.hook_post that is not exactly 0; beside it the share above 0."
                        + " Activation functions other than ReLU are almost never exactly 0: there the share above 0"
                        + " says more, and cett more still.",
                Set.of(Need.MODEL),
                Source.paper(
                        "The Lazy Neuron Phenomenon: On Emergence of Activation Sparsity in Transformers",
                        "arXiv 2210.06313"));
    }

    @Override
    public Study begin(Subject subject) {
        return new Counting(Numbers.layers(subject, HookPoint::mlpPost));
    }

    private static final class Counting extends SinglePass {
        private final List<HookPoint> hooks;
        private final double[] nonZero; // sums of shares
        private final double[] positive;
        private long tokens;

        Counting(List<HookPoint> hooks) {
            this.hooks = hooks;
            nonZero = new double[hooks.size()];
            positive = new double[hooks.size()];
        }

        @Override
        protected Wants all() {
            return Wants.model(hooks);
        }

        @Override
        public void see(ModelPass pass) {
            for (int layer = 0; layer < nonZero.length; layer++) {
                int here = layer;
                pass.ordinary(hooks.get(layer), (row, b, p) -> {
                    int some = 0;
                    int above = 0;
                    for (float v : row) {
                        some += v != 0 ? 1 : 0;
                        above += v > 0 ? 1 : 0;
                    }
                    nonZero[here] += (double) some / row.length;
                    positive[here] += (double) above / row.length;
                });
            }
            tokens += pass.ordinary();
        }

        @Override
        public Finding finding() {
            ResultTable table = ResultTable.of(
                    "layer:whole:block of the MLP",
                    "non_zero:number:share of neurons that are not exactly 0",
                    "positive:number:share of neurons above 0");
            for (int layer = 0; layer < nonZero.length; layer++) {
                nonZero[layer] /= tokens;
                positive[layer] /= tokens;
                table.row(layer, nonZero[layer], positive[layer]);
            }
            double some = Numbers.mean(nonZero);
            double above = Numbers.mean(positive);
            return new Finding(
                    "On average " + Fmt.percent(some) + " of an MLP's neurons are not zero for a token, and "
                            + Fmt.percent(above) + " are above zero.",
                    Map.of("non_zero", some, "positive", above),
                    table,
                    List.of(Figure.curve(
                            "Share of neurons by layer",
                            "layer",
                            "share",
                            List.of(
                                    Figure.Series.byIndex("not zero", nonZero),
                                    Figure.Series.byIndex("above zero", positive)))));
        }
    }
}
