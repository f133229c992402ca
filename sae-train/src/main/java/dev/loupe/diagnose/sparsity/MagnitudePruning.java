package dev.loupe.diagnose.sparsity;

import dev.loupe.diagnose.About;
import dev.loupe.diagnose.Diagnostic;
import dev.loupe.diagnose.Effect;
import dev.loupe.diagnose.Figure;
import dev.loupe.diagnose.Finding;
import dev.loupe.diagnose.Magnitudes;
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
import dev.loupe.math.Parallel;
import dev.loupe.math.VectorOps;
import dev.loupe.model.HookPoint;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.Projection;
import dev.loupe.model.ProjectionWeights;
import dev.loupe.model.Taps;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/**
 * How sensitive the inputs of each projection are to dropping small values (Liu et al., "Training-Free Activation Sparsity
 * in Large Language Models" (TEAL), arXiv 2408.14690): s_t(x) = x where |x| &gt; t, else 0.
 */
public final class MagnitudePruning implements Diagnostic {
    private static final String GREEDY = "greedy";
    private static final double[] TARGETS = {0.25, 0.5, 0.75};
    private static final List<String> KINDS =
            List.of("attention input (q, k, v)", "attention output (o)", "MLP input (gate, up)", "MLP output (down)");

    @Override
    public About about() {
        return About.of(
                "magnitude-pruning",
                Topic.SPARSITY,
                "Which projection suffers most when small inputs are dropped?",
                "Inputs x of a projection with |x| at or below t become 0; t is the quantile of |x| at the target"
                        + " sparsity on three quarters of the tokens, per place, and the sparsity reached is measured on"
                        + " the last quarter. Error of a projection: length of W (x − s(x)) over that of W x. KL: the"
                        + " model with all places of one kind pruned, against the model as it is. Greedy split of one"
                        + " half: in every block, 5 % at a time, from the place whose products then change least for the"
                        + " weights that it saves, until half of the block's weights are saved.",
                Set.of(Need.MODEL),
                Source.paper("Training-Free Activation Sparsity in Large Language Models", "arXiv 2408.14690")
                        .but("One threshold per place that is read, so that q, k and v share one; the greedy split"
                                + " looks at the products themselves rather than at the block's output; quantiles in"
                                + " place of a fitted symmetric density."));
    }

    @Override
    public Study begin(Subject subject) {
        return new Pruning(subject);
    }

    /** One place: where it is, what its values are multiplied with, and the projections that read it. */
    private record Place(int kind, int layer, HookPoint hook, float[] gain, Map<Projection, Matrix> readers) {}

    private static final class Pruning implements Study {
        private static final long TOKENS = 4096;
        private static final int ERROR_ROWS = 64;
        private static final int SPLIT_ROWS = 8;

        private final Subject subject;
        private final List<Place> places = new ArrayList<>();
        private final Magnitudes[] fitted;
        private final Magnitudes[] heldOut;
        private final List<List<float[]>> samples = new ArrayList<>();
        private final Map<String, Effect> effects = new LinkedHashMap<>();
        private double[] greedy = new double[0]; // share that each place drops, for one half of each block
        private long seen;
        private int stage;

        Pruning(Subject subject) {
            this.subject = subject;
            LanguageModel model = subject.model();
            for (int l = 0; l < model.config().nLayers(); l++) {
                add(0, l, Projection.Q, Projection.K, Projection.V);
                add(1, l, Projection.O);
                if (model.mlp().gated()) {
                    add(2, l, Projection.MLP_IN, Projection.MLP_LINEAR);
                } else {
                    add(2, l, Projection.MLP_IN);
                }
                add(3, l, Projection.MLP_OUT);
            }
            fitted = new Magnitudes[places.size()];
            heldOut = new Magnitudes[places.size()];
            for (int i = 0; i < fitted.length; i++) {
                fitted[i] = new Magnitudes();
                heldOut[i] = new Magnitudes();
                samples.add(new ArrayList<>());
            }
        }

        private void add(int kind, int layer, Projection... readers) {
            ProjectionWeights first = subject.model().projection(layer, readers[0]);
            Map<Projection, Matrix> all = new LinkedHashMap<>();
            for (Projection p : readers) {
                all.put(p, subject.model().projection(layer, p).weight());
            }
            places.add(new Place(kind, layer, first.input(), first.gain(), all));
        }

        @Override
        public Wants wants() {
            stage++;
            return stage == 1
                    ? Wants.model(places.stream().map(Place::hook).toList()).upTo(TOKENS)
                    : stage == 2 ? Wants.trials(trials()) : Wants.nothing();
        }

        private List<Trial> trials() {
            List<Trial> trials = new ArrayList<>();
            for (double target : TARGETS) {
                for (int kind = -1; kind < KINDS.size(); kind++) {
                    Taps.Builder taps = Taps.builder();
                    for (int i = 0; i < places.size(); i++) {
                        Place place = places.get(i);
                        if (kind < 0 || place.kind() == kind) {
                            float t = fitted[i].quantile(target);
                            taps.edit(
                                    place.hook(),
                                    Rewrite.rows(subject.text(), (row, token, p) -> prune(row, place.gain(), t)));
                        }
                    }
                    trials.add(Trial.of(kind + " " + target, taps.build()));
                }
            }
            greedy = greedy(0.5);
            Taps.Builder taps = Taps.builder();
            for (int i = 0; i < places.size(); i++) {
                Place place = places.get(i);
                float t = greedy[i] == 0 ? -1 : fitted[i].quantile(greedy[i]);
                taps.edit(place.hook(), Rewrite.rows(subject.text(), (row, token, p) -> prune(row, place.gain(), t)));
            }
            trials.add(Trial.of(GREEDY, taps.build()));
            return trials;
        }

        /** What each place drops if every block splits its share by {@link PruningBudget}. */
        private double[] greedy(double target) {
            double[][] errors = new double[places.size()][PruningBudget.LEVELS + 1];
            Parallel.run(errors.length, i -> {
                Place place = places.get(i);
                List<float[]> rows = samples.get(i)
                        .subList(0, Math.min(SPLIT_ROWS, samples.get(i).size()));
                for (int level = 1; level <= PruningBudget.LEVELS; level++) {
                    float t = fitted[i].quantile(level * PruningBudget.STEP);
                    for (Matrix w : place.readers().values()) {
                        double e = error(w, rows, place.gain(), t);
                        errors[i][level] += e * e * w.rows() / rowsOf(place);
                    }
                }
            });
            double[] shares = new double[places.size()];
            for (int from = 0; from < shares.length; from += KINDS.size()) { // the places of a block
                long[] weights = new long[KINDS.size()];
                for (int k = 0; k < weights.length; k++) {
                    Place place = places.get(from + k);
                    weights[k] = rowsOf(place) * place.gain().length;
                }
                double[] split =
                        PruningBudget.split(weights, Arrays.copyOfRange(errors, from, from + weights.length), target);
                System.arraycopy(split, 0, shares, from, split.length);
            }
            return shares;
        }

        private static long rowsOf(Place place) {
            return place.readers().values().stream().mapToLong(Matrix::rows).sum();
        }

        private static void prune(float[] row, float[] gain, float t) {
            for (int i = 0; i < row.length; i++) {
                if (Math.abs(row[i] * gain[i]) <= t) {
                    row[i] = 0;
                }
            }
        }

        @Override
        public void see(ModelPass pass) {
            boolean fit = seen < TOKENS * 3 / 4;
            for (int i = 0; i < places.size(); i++) {
                Place place = places.get(i);
                Magnitudes m = fit ? fitted[i] : heldOut[i];
                List<float[]> sample = samples.get(i);
                pass.ordinary(place.hook(), (row, b, p) -> {
                    m.add(row, place.gain());
                    if (sample.size() < ERROR_ROWS) {
                        sample.add(row.clone());
                    }
                });
            }
            seen += pass.tokens();
        }

        @Override
        public void see(Trial trial, Effect effect) {
            effects.put(trial.name(), effect);
        }

        @Override
        public Finding finding() {
            ResultTable table = ResultTable.of(
                    "layer:whole:block",
                    "projection:text:which product",
                    "target:number:share of its inputs that are dropped, as asked",
                    "reached:number:share dropped on the last quarter of the tokens",
                    "error:number:length of the change of its output over that of its output",
                    "greedy:number:share that the greedy split of one half drops here");
            double[][] errors = new double[subject.model().config().nLayers()][];
            List<String> names = new ArrayList<>();
            double worstMiss = 0;
            for (int i = 0; i < places.size(); i++) {
                Place place = places.get(i);
                for (Map.Entry<Projection, Matrix> reader : place.readers().entrySet()) {
                    for (double target : TARGETS) {
                        float t = fitted[i].quantile(target);
                        double reached = heldOut[i].size() == 0 ? fitted[i].atMost(t) : heldOut[i].atMost(t);
                        worstMiss = Math.max(worstMiss, Math.abs(reached - target));
                        double error = error(reader.getValue(), samples.get(i), place.gain(), t);
                        String name = reader.getKey().name().toLowerCase(Locale.ROOT);
                        table.row(place.layer(), name, target, reached, error, greedy[i]);
                        if (target == 0.5) {
                            double[] before = errors[place.layer()] == null ? new double[0] : errors[place.layer()];
                            errors[place.layer()] = Arrays.copyOf(before, before.length + 1);
                            errors[place.layer()][before.length] = error;
                            if (place.layer() == 0) {
                                names.add(name);
                            }
                        }
                    }
                }
            }
            int worst = 0;
            Map<String, Double> numbers = new LinkedHashMap<>();
            for (int kind = 0; kind < KINDS.size(); kind++) {
                worst = kl(kind, 0.5) > kl(worst, 0.5) ? kind : worst;
            }
            numbers.put("kl_all_50", kl(-1, 0.5));
            numbers.put("kl_all_25", kl(-1, 0.25));
            numbers.put("kl_worst_50", kl(worst, 0.5));
            numbers.put(
                    "kl_greedy_50", Objects.requireNonNull(effects.get(GREEDY)).kl());
            numbers.put("largest_miss", worstMiss);
            List<Figure.Series> lines = new ArrayList<>();
            for (int kind = -1; kind < KINDS.size(); kind++) {
                int k = kind;
                lines.add(new Figure.Series(
                        kind < 0 ? "all" : KINDS.get(kind),
                        TARGETS,
                        Arrays.stream(TARGETS).map(t -> kl(k, t)).toArray()));
            }
            return new Finding(
                    "Dropping half of the inputs everywhere costs " + Numbers.short3(kl(-1, 0.5)) + " nats of KL ("
                            + Numbers.short3(kl(-1, 0.25)) + " for a quarter, "
                            + Numbers.short3(
                                    Objects.requireNonNull(effects.get(GREEDY)).kl())
                            + " where each block splits its half greedily); the " + KINDS.get(worst)
                            + " is the most sensitive.",
                    numbers,
                    table,
                    List.of(
                            Figure.curve("Price by place", "share of inputs dropped", "KL in nats", lines)
                                    .withLogY(),
                            Figure.heat(
                                    "Error of each projection's output at half of its inputs",
                                    "relative error",
                                    Numbers.names(errors.length),
                                    names,
                                    errors)));
        }

        private double kl(int kind, double target) {
            return Objects.requireNonNull(effects.get(kind + " " + target)).kl();
        }

        /** ‖W(x − s(x))‖ / ‖Wx‖ over the sample. */
        private static double error(Matrix w, List<float[]> rows, float[] gain, float t) {
            double change = 0;
            double whole = 0;
            for (float[] row : rows) {
                float[] x = new float[row.length];
                float[] dropped = new float[row.length];
                for (int j = 0; j < x.length; j++) {
                    x[j] = row[j] * gain[j];
                    dropped[j] = Math.abs(x[j]) <= t ? x[j] : 0;
                }
                for (int o = 0; o < w.rows(); o++) {
                    double a = VectorOps.dot(x, 0, w.segment(), w.offset(o), x.length);
                    double b = VectorOps.dot(dropped, 0, w.segment(), w.offset(o), x.length);
                    whole += a * a;
                    change += b * b;
                }
            }
            return whole == 0 ? 0 : Math.sqrt(change / whole);
        }
    }
}
