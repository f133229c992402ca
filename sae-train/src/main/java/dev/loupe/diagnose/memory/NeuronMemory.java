package dev.loupe.diagnose.memory;

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
import dev.loupe.model.LanguageModel;
import dev.loupe.model.MlpKind;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * MLP neurons as key-value memories (Shen et al., "A Study on ReLU and Softmax in Transformer", arXiv 2302.06461; Geva et
 * al., "Transformer Feed-Forward Layers Are Key-Value Memories", arXiv 2012.14913): what a neuron answers to, and what it
 * then promotes.
 */
public final class NeuronMemory implements Diagnostic {
    private static final int NEURONS = 48; // of each layer
    private static final int TOP = 8;
    private static final long TOKENS = 32_768;

    @Override
    public About about() {
        return About.of(
                "neuron-memory",
                Topic.MEMORY,
                "What does each MLP neuron answer to, and which tokens does it then promote?",
                "Key: the tokens at which |post| of the neuron is largest over the text, with the token before. Value:"
                        + " the tokens whose logits its output row W_out raises most, through the last norm's gain and the"
                        + " unembedding, with the sign of its strongest activation. Agreement: share of the strongest"
                        + " places whose next token is among the 10 that the value promotes most, against the share"
                        + " for a neuron drawn at random. " + NEURONS + " neurons of each layer, evenly spread.",
                Set.of(Need.MODEL),
                Source.paper("A Study on ReLU and Softmax in Transformer", "arXiv 2302.06461"),
                Source.paper("Transformer Feed-Forward Layers Are Key-Value Memories", "arXiv 2012.14913"),
                Source.paper("GLU Variants Improve Transformer", "arXiv 2002.05202"),
                Source.paper("Gaussian Error Linear Units (GELUs)", "arXiv 1606.08415"));
    }

    @Override
    public Study begin(Subject subject) {
        return new Reading(subject, spread(subject.model().config().dMlp()));
    }

    private static int[] spread(int n) {
        int count = Math.min(NEURONS, n);
        return IntStream.range(0, count).map(i -> (int) ((long) i * n / count)).toArray();
    }

    private static final class Reading extends SinglePass {
        private final Subject subject;
        private final int[] neurons;
        private final List<HookPoint> hooks;
        private final NeuronKey[][] keys;
        private long seen;

        Reading(Subject subject, int[] neurons) {
            this.subject = subject;
            this.neurons = neurons;
            this.hooks = Numbers.layers(subject, HookPoint::mlpPost);
            this.keys = new NeuronKey[hooks.size()][neurons.length];
            for (NeuronKey[] layer : keys) {
                Arrays.setAll(layer, i -> new NeuronKey(TOP));
            }
        }

        @Override
        protected Wants all() {
            return Wants.model(hooks).upTo(TOKENS);
        }

        @Override
        public void see(ModelPass pass) {
            for (int l = 0; l < keys.length; l++) {
                NeuronKey[] layer = keys[l];
                pass.ordinary(hooks.get(l), (row, b, p) -> {
                    for (int i = 0; i < neurons.length; i++) {
                        layer[i].add(row[neurons[i]], pass.ids()[b], p);
                    }
                });
            }
            seen += pass.tokens();
        }

        @Override
        public Finding finding() {
            LanguageModel model = subject.model();
            ResultTable table = ResultTable.of(
                    "layer:whole:block",
                    "neuron:whole:in the block",
                    "strongest:number:its activation with the largest size",
                    "key:text:tokens where it is strongest, each with the one before",
                    "value:text:tokens that it then promotes",
                    "agreement:number:share of those places whose next token is promoted");
            double[] byLayer = new double[keys.length];
            double[] chance = new double[keys.length];
            for (int l = 0; l < keys.length; l++) {
                NeuronValues values = NeuronValues.of(model, l, neurons, keys[l]);
                for (int i = 0; i < neurons.length; i++) {
                    NeuronKey key = keys[l][i];
                    double agreement = key.agreement(values.top(i, 10));
                    byLayer[l] += agreement / neurons.length;
                    chance[l] +=
                            key.agreement(values.top((i + neurons.length / 2) % neurons.length, 10)) / neurons.length;
                    table.row(
                            l,
                            neurons[i],
                            key.strongest(),
                            key.words(model.tokenizer()),
                            NeuronValues.words(values.top(i, TOP), model.tokenizer()),
                            agreement);
                }
            }
            int best = 0;
            for (int l = 1; l < byLayer.length; l++) {
                best = byLayer[l] > byLayer[best] ? l : best;
            }
            MlpKind mlp = model.mlp();
            return new Finding(
                    "After the places that a neuron answers to, the tokens that it promotes follow in "
                            + Fmt.percent(Numbers.mean(byLayer)) + " of cases (for another neuron "
                            + Fmt.percent(Numbers.mean(chance)) + "), most in layer " + best + " ("
                            + Fmt.percent(byLayer[best]) + ").",
                    Map.of(
                            "agreement",
                            Numbers.mean(byLayer),
                            "chance",
                            Numbers.mean(chance),
                            "best_layer",
                            (double) best,
                            "best",
                            byLayer[best],
                            "tokens",
                            (double) seen),
                    table,
                    List.of(Figure.curve(
                            "Agreement of key and value by layer",
                            "layer",
                            "share of the strongest places",
                            List.of(
                                    Figure.Series.byIndex("own value", byLayer),
                                    Figure.Series.byIndex("another neuron's", chance)))),
                    List.of("The MLPs are " + mlp.title() + ": " + mlp.formula() + "."));
        }
    }
}
