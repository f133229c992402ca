package dev.loupe.diagnose.health;

import dev.loupe.diagnose.About;
import dev.loupe.diagnose.Diagnostic;
import dev.loupe.diagnose.Effect;
import dev.loupe.diagnose.Figure;
import dev.loupe.diagnose.Finding;
import dev.loupe.diagnose.ModelPass;
import dev.loupe.diagnose.Need;
import dev.loupe.diagnose.Numbers;
import dev.loupe.diagnose.ResultTable;
import dev.loupe.diagnose.Source;
import dev.loupe.diagnose.Study;
import dev.loupe.diagnose.Subject;
import dev.loupe.diagnose.Topic;
import dev.loupe.diagnose.Trial;
import dev.loupe.diagnose.Wants;
import dev.loupe.model.HookPoint;
import dev.loupe.model.Taps;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/**
 * Massive activations and what they are for (Oh et al., "A Refined Analysis of Massive Activations in LLMs", arXiv
 * 2503.22329): where they are, their share of squared norms, and perplexity with them set to zero or to their mean.
 */
public final class Massive implements Diagnostic {
    static final double LEAST = 100;
    static final double FACTOR = 1000;

    @Override
    public About about() {
        return About.of(
                "massive-activations",
                Topic.HEALTH,
                "Are there massive activations, and does the model need them?",
                "An entry of the residual stream behind a block is massive if |a| > 100 and |a| is at least 1,000 times"
                        + " the median |a| of the layer; all positions count, BOS included. At the first layer that has"
                        + " some, these entries are set to 0, or to their mean by dimension, and perplexity is measured"
                        + " again. Without any, the same is done to the largest entries of the layer (but the last) where the"
                        + " ratio to the median is largest (those above half the maximum), and the answer says so.",
                Set.of(Need.MODEL),
                Source.paper("A Refined Analysis of Massive Activations in LLMs", "arXiv 2503.22329")
                        .but("Maxima over the whole text rather than means of the maxima of ten samples."));
    }

    @Override
    public Study begin(Subject subject) {
        return new Search(subject);
    }

    private static final class Search implements Study {
        private final Subject subject;
        private final List<HookPoint> hooks;
        private final LayerSizes[] sizes;
        private final double[] limit;
        private final long[] entries;
        private final double[] massiveSquares;
        private final double[] squares;
        private final Map<List<Integer>, double[]> places =
                new LinkedHashMap<>(); // layer, dim, token: n, sum, max, position
        private final Map<String, Effect> effects = new LinkedHashMap<>();
        private int first = -1;
        private boolean massive;
        private int stage;

        Search(Subject subject) {
            this.subject = subject;
            hooks = Numbers.layers(subject, HookPoint::residPost);
            int n = hooks.size();
            sizes = LayerSizes.of(n);
            limit = new double[n];
            entries = new long[n];
            massiveSquares = new double[n];
            squares = new double[n];
        }

        @Override
        public Wants wants() {
            stage++;
            return switch (stage) {
                case 1 -> Wants.model(hooks).upTo(8192);
                case 2 -> Wants.model(hooks).upTo(65_536);
                case 3 -> Wants.trials(List.of(Trial.of("zero", taps(false)), Trial.of("mean", taps(true))));
                default -> Wants.nothing();
            };
        }

        @Override
        public void see(ModelPass pass) {
            for (int l = 0; l < sizes.length; l++) {
                if (stage == 1) {
                    LayerSizes here = sizes[l];
                    pass.all(hooks.get(l), (row, b, p) -> here.add(row));
                } else {
                    collect(pass, l);
                }
            }
        }

        /** Chooses limits once the medians are known. */
        private void choose() {
            for (int l = 0; l < limit.length; l++) {
                limit[l] = Math.max(Math.nextUp(LEAST), FACTOR * sizes[l].median());
                if (first < 0 && sizes[l].largest() >= limit[l]) {
                    first = l;
                    massive = true;
                }
            }
            if (first < 0) {
                first = LayerSizes.mostUneven(sizes);
                limit[first] = sizes[first].largest() / 2;
            }
        }

        private void collect(ModelPass pass, int l) {
            if (first < 0) {
                choose();
            }
            pass.all(hooks.get(l), (row, b, p) -> {
                for (int j = 0; j < row.length; j++) {
                    double a = Math.abs(row[j]);
                    squares[l] += a * a;
                    if (a >= limit[l]) {
                        entries[l]++;
                        massiveSquares[l] += a * a;
                        if (places.size() < 4096) {
                            double[] at = places.computeIfAbsent(
                                    List.of(l, j, pass.ids()[b][p]), k -> new double[] {0, 0, 0, p});
                            at[0]++;
                            at[1] += row[j];
                            at[2] = Math.max(at[2], a);
                        }
                    }
                }
            });
        }

        private Taps taps(boolean mean) {
            double[] sums = new double[sizes[first].dimensions()];
            double[] counts = new double[sums.length];
            places.forEach((key, v) -> {
                if (key.get(0) == first) {
                    counts[key.get(1)] += v[0];
                    sums[key.get(1)] += v[1];
                }
            });
            double border = limit[first];
            return Taps.edit(hooks.get(first), a -> {
                float[] row = new float[a.width()];
                for (int b = 0; b < a.batch(); b++) {
                    for (int p = 0; p < a.length(b); p++) {
                        ModelPass.copy(a, b, p, row);
                        for (int j = 0; j < row.length; j++) {
                            if (Math.abs(row[j]) >= border) {
                                row[j] = mean && counts[j] > 0 ? (float) (sums[j] / counts[j]) : 0;
                            }
                        }
                        a.setRow(b, p, row);
                    }
                }
            });
        }

        @Override
        public void see(Trial trial, Effect effect) {
            effects.put(trial.name(), effect);
        }

        @Override
        public Finding finding() {
            // long: the answer, its figures and their captions in the order they are shown
            ResultTable table = ResultTable.of(
                    "layer:whole:block",
                    "median:number:median of |a| in the residual stream behind it",
                    "max:number:largest |a|",
                    "ratio:number:largest over median",
                    "entries:whole:entries at or above the limit",
                    "share:number:their share of the squared norm of all rows",
                    "dimension:whole:of the largest entry",
                    "token:text:at the largest entry; empty if none reaches the limit",
                    "position:whole:where that token first had it; -1 if none");
            int n = limit.length;
            double[] ratio = new double[n];
            double[] maxima = new double[n];
            double[] medians = new double[n];
            long layers = 0;
            for (int l = 0; l < n; l++) {
                medians[l] = sizes[l].median();
                maxima[l] = sizes[l].largest();
                ratio[l] = maxima[l] / medians[l];
                int layer = l;
                Map.Entry<List<Integer>, double[]> top = places.entrySet().stream()
                        .filter(e -> e.getKey().get(0) == layer)
                        .max(Comparator.comparingDouble(e -> e.getValue()[2]))
                        .orElse(null);
                boolean here = massive && entries[l] > 0;
                layers += here ? 1 : 0;
                table.row(
                        l,
                        medians[l],
                        maxima[l],
                        ratio[l],
                        entries[l],
                        squares[l] == 0 ? 0 : massiveSquares[l] / squares[l],
                        top == null ? sizes[l].dimensions(1)[0] : top.getKey().get(1),
                        top == null
                                ? ""
                                : subject.model().tokenizer().token(top.getKey().get(2)),
                        top == null ? -1 : (int) top.getValue()[3]);
            }
            Effect zero = Objects.requireNonNull(effects.get("zero"));
            Effect mean = Objects.requireNonNull(effects.get("mean"));
            double highest = Arrays.stream(ratio).max().orElse(0);
            String effect = "perplexity goes from " + Numbers.fixed(zero.basePerplexity(), 2) + " to "
                    + Numbers.fixed(zero.perplexity(), 2) + " without them and to "
                    + Numbers.fixed(mean.perplexity(), 2) + " with their mean";
            String answer = massive
                    ? layers + " layers have massive activations, from layer " + first + " on; " + effect + "."
                    : "No activation is massive (the largest is " + Numbers.fixed(highest, 0)
                            + " times the median, in layer " + first + "); of the largest there, " + effect + ".";
            return new Finding(
                    answer,
                    Map.of(
                            "layers",
                            (double) layers,
                            "first_layer",
                            (double) first,
                            "highest_ratio",
                            highest,
                            "perplexity",
                            zero.basePerplexity(),
                            "perplexity_zero",
                            zero.perplexity(),
                            "perplexity_mean",
                            mean.perplexity(),
                            "share_first",
                            massiveSquares[first] / squares[first]),
                    table,
                    List.of(Figure.curve(
                                    "Residual stream by layer",
                                    "layer",
                                    "|a|",
                                    List.of(
                                            Figure.Series.byIndex("largest", maxima),
                                            Figure.Series.byIndex(
                                                    "1,000 times the median",
                                                    Arrays.stream(medians)
                                                            .map(m -> FACTOR * m)
                                                            .toArray()),
                                            Figure.Series.byIndex("median", medians)))
                            .withLogY()));
        }
    }
}
