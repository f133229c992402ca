package dev.loupe.diagnose.sparsity;

import dev.loupe.base.Fmt;
import dev.loupe.diagnose.About;
import dev.loupe.diagnose.Diagnostic;
import dev.loupe.diagnose.Effect;
import dev.loupe.diagnose.Figure;
import dev.loupe.diagnose.Finding;
import dev.loupe.diagnose.ModelPass;
import dev.loupe.diagnose.Need;
import dev.loupe.diagnose.Numbers;
import dev.loupe.diagnose.ResultTable;
import dev.loupe.diagnose.Rewrite;
import dev.loupe.diagnose.Source;
import dev.loupe.diagnose.Study;
import dev.loupe.diagnose.Subject;
import dev.loupe.diagnose.Topic;
import dev.loupe.diagnose.Trial;
import dev.loupe.diagnose.Wants;
import dev.loupe.math.Matrix;
import dev.loupe.model.HookPoint;
import dev.loupe.model.Projection;
import dev.loupe.model.ProjectionWeights;
import dev.loupe.model.Taps;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * CETT-PPL-p % (Luo et al., "Sparsing Law: Towards Large Language Models with Greater Activation Sparsity", arXiv
 * 2411.02335, section 3; CETT from Zhang et al., "ReLU² Wins", arXiv 2402.03804): how few neurons are needed so that
 * perplexity rises by p %.
 */
public final class Cett implements Diagnostic {
    private static final double P = 0.01;
    private static final int CALIBRATION = 256;

    @Override
    public About about() {
        return About.of(
                "cett",
                Topic.SPARSITY,
                "How few MLP neurons does the model need if its perplexity may rise by 1 %?",
                "Neuron i of a token writes n_i = post_i W_out,i. CETT(eps) of a layer is the length of the sum of all"
                        + " n_i shorter than eps over the length of the sum of all, mean over tokens (0 at eps = 0, 1"
                        + " with everything left out). For one CETT value c in all layers each layer's eps is found by"
                        + " bisection, neurons below it are set to 0, and c itself is found by bisection so that"
                        + " perplexity is 1.01 times that of the model as it is. Activation ratio: share of neurons that"
                        + " stay. Always on: neurons that stay on every token looked at.",
                Set.of(Need.MODEL),
                Source.paper(
                                "Sparsing Law: Towards Large Language Models with Greater Activation Sparsity",
                                "arXiv 2411.02335, section 3")
                        .but("CETT is computed on " + CALIBRATION
                                + " tokens; eps is searched exactly rather than among 65,536 candidates."),
                Source.paper(
                        "ReLU^2 Wins: Discovering Efficient Activation Functions for Sparse LLMs", "arXiv 2402.03804"));
    }

    @Override
    public Study begin(Subject subject) {
        return new Search(subject);
    }

    private static final class Search implements Study {
        private final Subject subject;
        private final List<HookPoint> hooks;
        private final List<Matrix> outputs = new ArrayList<>();
        private final OutputShares[] layers;
        private final double[] epsilon;
        private final boolean[][] everOff;
        private final long[] kept;
        private final Map<String, Double> points = new HashMap<>();
        private final List<double[]> tried = new ArrayList<>(); // c, perplexity ratio, activation ratio
        private final List<double[]> effects = new ArrayList<>();
        private double low;
        private double high = 1;
        private long counted;
        private int stage;

        Search(Subject subject) {
            this.subject = subject;
            hooks = Numbers.layers(subject, HookPoint::mlpPost);
            int n = hooks.size();
            layers = new OutputShares[n];
            epsilon = new double[n];
            kept = new long[n];
            everOff = new boolean[n][];
            for (int l = 0; l < n; l++) {
                ProjectionWeights w = subject.model().projection(l, Projection.MLP_OUT);
                Matrix rows = w.weight().transposed(java.lang.foreign.Arena.ofAuto());
                outputs.add(rows);
                layers[l] = new OutputShares(OutputShares.norms(rows));
                everOff[l] = new boolean[(int) rows.rows()];
            }
        }

        @Override
        public Wants wants() {
            return switch (stage) {
                case 0 -> Wants.model(hooks).upTo(2L * CALIBRATION);
                case 1 -> trials();
                case 2 -> Wants.model(hooks).upTo(16_384);
                default -> Wants.nothing();
            };
        }

        /** Three values of c inside the interval: two bisections in a round. */
        private Wants trials() {
            List<Trial> all = new ArrayList<>();
            for (int i = 1; i <= 3; i++) {
                double c = low + (high - low) * i / 4;
                all.add(Trial.of(Double.toString(c), left(c)));
            }
            return Wants.trials(all);
        }

        private Taps left(double c) {
            Taps.Builder taps = Taps.builder();
            for (int l = 0; l < layers.length; l++) {
                double eps = layers[l].epsilon(c);
                double[] norms = OutputShares.norms(outputs.get(l));
                taps.edit(hooks.get(l), Rewrite.rows(subject.text(), (row, token, p) -> {
                    for (int i = 0; i < row.length; i++) {
                        if (Math.abs(row[i]) * norms[i] < eps) {
                            row[i] = 0;
                        }
                    }
                }));
            }
            return taps.build();
        }

        @Override
        public void see(ModelPass pass) {
            if (stage < 2) {
                calibrate(pass);
            } else {
                count(pass);
            }
        }

        private void calibrate(ModelPass pass) {
            for (int l = 0; l < layers.length; l++) {
                OutputShares layer = layers[l];
                Matrix out = outputs.get(l);
                pass.ordinary(hooks.get(l), (row, b, p) -> {
                    if (layer.tokens() < CALIBRATION) {
                        layer.add(null, row, out);
                    }
                });
            }
            stage = 1;
        }

        private void count(ModelPass pass) {
            for (int l = 0; l < layers.length; l++) {
                int layer = l;
                double[] norms = OutputShares.norms(outputs.get(l));
                pass.ordinary(hooks.get(l), (row, b, p) -> {
                    for (int i = 0; i < row.length; i++) {
                        if (row[i] != 0 && Math.abs(row[i]) * norms[i] >= epsilon[layer]) {
                            kept[layer]++;
                        } else {
                            everOff[layer][i] = true;
                        }
                    }
                });
            }
            counted += pass.ordinary();
            stage = 3;
        }

        @Override
        public void see(Trial trial, Effect effect) {
            double c = Double.parseDouble(trial.name());
            double ratio = effect.perplexity() / effect.basePerplexity();
            effects.add(new double[] {c, ratio});
            tried.add(new double[] {c, ratio, active(c)});
            if (effects.size() == 3) {
                narrow();
            }
        }

        private double active(double c) {
            double sum = 0;
            for (OutputShares layer : layers) {
                sum += layer.active(layer.epsilon(c)) / layers.length;
            }
            return sum;
        }

        private void narrow() {
            double target = 1 + P;
            boolean close = false;
            for (double[] e : effects) { // ascending
                if (e[1] <= target) {
                    low = e[0];
                } else {
                    high = e[0];
                    break;
                }
            }
            for (double[] e : effects) {
                close |= e[1] <= target && target - e[1] < 1e-4;
            }
            effects.clear();
            if (close || high - low < 1e-6) {
                for (int l = 0; l < layers.length; l++) {
                    epsilon[l] = layers[l].epsilon(low);
                }
                stage = 2;
            }
        }

        @Override
        public Finding finding() {
            ResultTable table = ResultTable.of(
                    "layer:whole:block of the MLP",
                    "epsilon:number:least length of a neuron's output that stays",
                    "cett:number:CETT there on the tokens that it was chosen on",
                    "activation_ratio:number:share of neurons that stay",
                    "non_zero:number:share of neurons that are not exactly 0",
                    "always_on:whole:neurons that stay on every token");
            int n = layers.length;
            double[] ratio = new double[n];
            double[] zero = new double[n];
            long always = 0;
            for (int l = 0; l < n; l++) {
                int on = 0;
                for (boolean off : everOff[l]) {
                    on += off ? 0 : 1;
                }
                always += on;
                ratio[l] = (double) kept[l] / counted / everOff[l].length;
                zero[l] = layers[l].active(0);
                table.row(l, epsilon[l], layers[l].cett(epsilon[l]), ratio[l], zero[l], on);
            }
            tried.sort(Comparator.comparingDouble(t -> t[0]));
            double mean = Numbers.mean(ratio);
            points.put("cett", low);
            points.put("activation_ratio", mean);
            points.put("always_on", (double) always);
            points.put("non_zero", Numbers.mean(zero));
            points.put("perplexity_ratio", reached());
            return new Finding(
                    "With " + Fmt.percent(mean) + " of the neurons (CETT " + Numbers.short3(low)
                            + ") perplexity rises by " + Fmt.percent(reached() - 1) + "; " + always
                            + " neurons are always among them.",
                    points,
                    table,
                    List.of(
                            Figure.curve(
                                    "Neurons that stay, by layer",
                                    "layer",
                                    "share",
                                    List.of(
                                            Figure.Series.byIndex("perplexity + 1 %", ratio),
                                            Figure.Series.byIndex("not exactly 0", zero))),
                            Figure.curve(
                                            "Price of sparsity",
                                            "share of neurons left out",
                                            "perplexity over the model's own",
                                            List.of(new Figure.Series(
                                                    "all layers",
                                                    tried.reversed().stream()
                                                            .mapToDouble(t -> t[2])
                                                            .map(a -> 1 - a)
                                                            .sorted()
                                                            .toArray(),
                                                    tried.stream()
                                                            .mapToDouble(t -> t[1])
                                                            .toArray())))
                                    .withLogY()));
        }

        /** The perplexity ratio at the c that was chosen. */
        private double reached() {
            return tried.stream()
                    .filter(t -> t[0] == low)
                    .mapToDouble(t -> t[1])
                    .findFirst()
                    .orElse(1);
        }
    }
}
