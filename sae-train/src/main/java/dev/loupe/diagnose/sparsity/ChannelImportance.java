package dev.loupe.diagnose.sparsity;

import dev.loupe.base.Fmt;
import dev.loupe.diagnose.About;
import dev.loupe.diagnose.Algebra;
import dev.loupe.diagnose.Diagnostic;
import dev.loupe.diagnose.Figure;
import dev.loupe.diagnose.Finding;
import dev.loupe.diagnose.ModelPass;
import dev.loupe.diagnose.Need;
import dev.loupe.diagnose.ResultTable;
import dev.loupe.diagnose.SinglePass;
import dev.loupe.diagnose.Source;
import dev.loupe.diagnose.Study;
import dev.loupe.diagnose.Subject;
import dev.loupe.diagnose.Topic;
import dev.loupe.diagnose.Wants;
import dev.loupe.math.Matrix;
import dev.loupe.math.Parallel;
import dev.loupe.math.VectorOps;
import dev.loupe.model.HookPoint;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.Projection;
import dev.loupe.model.ProjectionWeights;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * Which input channels of a projection matter (Zhang et al., "R-Sparse: Rank-Aware Activation Sparsity for Efficient LLM
 * Inference", arXiv 2504.19449): channels with a large |x_j| ‖(V S)_j‖ use the full weights, the others a low-rank part.
 */
public final class ChannelImportance implements Diagnostic {
    private static final double BUDGET = 0.5;
    private static final double[] ALPHAS = {0, 0.25, 0.5, 0.75, 1};
    private static final int ROWS = 48;

    @Override
    public About about() {
        return About.of(
                "channel-importance",
                Topic.SPARSITY,
                "Do a few input channels of a projection carry it, or a few directions?",
                "Score of channel j for a token: |x_j| times the length of row j of V diag(S), W = U diag(S) V^T; that"
                        + " is the length of column j of W. With a budget of half the weights, in (1 − s) alpha channels"
                        + " with the highest scores use W itself and the rest its best approximation of rank (in out (1"
                        + " − s) − channels out) / (in + out). Error: length of the change of the output over that of"
                        + " the output, on " + ROWS
                        + " tokens, for the best alpha of 0, 1/4, ... 1. Effective channels:"
                        + " exp of the entropy of squared scores.",
                Set.of(Need.MODEL),
                Source.paper("R-Sparse: Rank-Aware Activation Sparsity for Efficient LLM Inference", "arXiv 2504.19449")
                        .but("First, middle and last layer; alpha from a grid rather than an evolutionary search."));
    }

    @Override
    public Study begin(Subject subject) {
        return new Measuring(subject);
    }

    /** W in parts: the channels' lengths and W's own directions. */
    static final class Decomposed {
        private final Matrix w; // [out, in]
        private final double[] lengths;
        private final double[][] right; // eigenvectors of WᵀW, largest first: V

        Decomposed(Matrix w) {
            this.w = w;
            int in = w.cols();
            double[][] gram = new double[in][in];
            float[] row = new float[in];
            for (long o = 0; o < w.rows(); o++) {
                w.copyRow(o, row);
                for (int i = 0; i < in; i++) {
                    for (int j = 0; j < in; j++) {
                        gram[i][j] += (double) row[i] * row[j];
                    }
                }
            }
            lengths = new double[in];
            for (int j = 0; j < in; j++) {
                lengths[j] = Math.sqrt(gram[j][j]);
            }
            right = Algebra.symmetric(gram).vectors();
        }

        double[] scores(float[] x) {
            double[] s = new double[x.length];
            for (int j = 0; j < s.length; j++) {
                s[j] = Math.abs(x[j]) * lengths[j];
            }
            return s;
        }

        /** ‖W x − approximation‖² and ‖W x‖². */
        double[] errors(float[] x, int channels, int rank) {
            double[] scores = scores(x);
            Integer[] order = new Integer[x.length];
            Arrays.setAll(order, j -> j);
            Arrays.sort(order, Comparator.comparingDouble(j -> -scores[j]));
            float[] rest = x.clone(); // what only the low-rank part sees
            for (int i = 0; i < Math.min(channels, x.length); i++) {
                rest[order[i]] = 0;
            }
            double[] left = new double[x.length]; // rest less its part in the first directions
            for (int j = 0; j < left.length; j++) {
                left[j] = rest[j];
            }
            for (int r = 0; r < Math.min(rank, right.length); r++) {
                double along = 0;
                for (int j = 0; j < left.length; j++) {
                    along += right[r][j] * rest[j];
                }
                for (int j = 0; j < left.length; j++) {
                    left[j] -= along * right[r][j];
                }
            }
            float[] missing = new float[left.length];
            for (int j = 0; j < missing.length; j++) {
                missing[j] = (float) left[j];
            }
            double change = 0;
            double whole = 0;
            for (int o = 0; o < w.rows(); o++) {
                double a = VectorOps.dot(x, 0, w.segment(), w.offset(o), x.length);
                double b = VectorOps.dot(missing, 0, w.segment(), w.offset(o), x.length);
                whole += a * a;
                change += b * b;
            }
            return new double[] {change, whole};
        }

        /** Relative error on several inputs. */
        double error(List<float[]> rows, int channels, int rank) {
            double change = 0;
            double whole = 0;
            for (float[] x : rows) {
                double[] e = errors(x, channels, rank);
                change += e[0];
                whole += e[1];
            }
            return whole == 0 ? 0 : Math.sqrt(change / whole);
        }
    }

    private record Reader(int layer, Projection projection, ProjectionWeights weights) {}

    private static final class Measuring extends SinglePass {
        private final List<Reader> readers = new ArrayList<>();
        private final Map<HookPoint, List<float[]>> rows = new LinkedHashMap<>();

        Measuring(Subject subject) {
            LanguageModel model = subject.model();
            int n = model.config().nLayers();
            for (int layer : IntStream.of(0, n / 2, n - 1).distinct().toArray()) {
                for (Projection p : Projection.values()) {
                    if (p != Projection.MLP_LINEAR || model.mlp().gated()) {
                        readers.add(new Reader(layer, p, model.projection(layer, p)));
                    }
                }
            }
            readers.forEach(r -> rows.put(r.weights().input(), new ArrayList<>()));
        }

        @Override
        protected Wants all() {
            return Wants.model(rows.keySet()).upTo(8L * ROWS);
        }

        @Override
        public void see(ModelPass pass) {
            rows.forEach((hook, list) -> {
                int[] at = {0};
                pass.ordinary(hook, (row, b, p) -> {
                    if (at[0]++ % 5 == 0 && list.size() < ROWS) {
                        list.add(row.clone());
                    }
                });
            });
        }

        @Override
        public Finding finding() {
            // long: the answer, its figures and their captions in the order they are shown
            ResultTable table = ResultTable.of(
                    "layer:whole:block",
                    "projection:text:which product",
                    "inputs:whole:channels that it reads",
                    "effective_channels:number:exp of the entropy of squared scores, mean over tokens",
                    "alpha:number:share of the budget spent on channels that does best",
                    "error:number:relative error of its output there",
                    "error_channels:number:with the whole budget on channels",
                    "error_rank:number:with the whole budget on directions");
            double[][] lines = new double[readers.size()][];
            double[] effective = new double[readers.size()];
            Parallel.run(readers.size(), i -> {
                Reader r = readers.get(i);
                Matrix w = r.weights().weight();
                List<float[]> inputs = Objects.requireNonNull(
                                rows.get(r.weights().input()))
                        .stream()
                        .map(x -> times(x, r.weights().gain()))
                        .toList();
                Decomposed parts = new Decomposed(w);
                lines[i] = new double[ALPHAS.length];
                for (int a = 0; a < ALPHAS.length; a++) {
                    int channels = (int) (w.cols() * (1 - BUDGET) * ALPHAS[a]);
                    int rank = (int) ((w.cols() * (double) w.rows() * (1 - BUDGET) - channels * (double) w.rows())
                            / (w.cols() + w.rows()));
                    lines[i][a] = parts.error(inputs, channels, rank);
                }
                effective[i] = inputs.stream()
                        .mapToDouble(x -> Algebra.effectiveRank(
                                Arrays.stream(parts.scores(x)).map(s -> s * s).toArray()))
                        .average()
                        .orElse(Double.NaN);
            });
            double sum = 0;
            int mixed = 0;
            double channels = 0;
            for (int i = 0; i < lines.length; i++) {
                int best = 0;
                for (int a = 1; a < ALPHAS.length; a++) {
                    best = lines[i][a] < lines[i][best] ? a : best;
                }
                Reader r = readers.get(i);
                sum += lines[i][best] / lines.length;
                mixed += ALPHAS[best] > 0 && ALPHAS[best] < 1 ? 1 : 0;
                channels += effective[i] / r.weights().weight().cols() / lines.length;
                table.row(
                        r.layer(),
                        r.projection().name().toLowerCase(Locale.ROOT),
                        r.weights().weight().cols(),
                        effective[i],
                        ALPHAS[best],
                        lines[i][best],
                        lines[i][ALPHAS.length - 1],
                        lines[i][0]);
            }
            List<Figure.Series> series = new ArrayList<>();
            for (Projection p : Projection.values()) {
                double[] mean = new double[ALPHAS.length];
                int n = 0;
                for (int i = 0; i < lines.length; i++) {
                    if (readers.get(i).projection() == p) {
                        n++;
                        for (int a = 0; a < mean.length; a++) {
                            mean[a] += lines[i][a];
                        }
                    }
                }
                if (n > 0) {
                    int count = n;
                    series.add(new Figure.Series(
                            p.name().toLowerCase(Locale.ROOT),
                            ALPHAS,
                            Arrays.stream(mean).map(v -> v / count).toArray()));
                }
            }
            return new Finding(
                    "With half of the weights the output of a projection is off by " + Fmt.percent(sum)
                            + " at best; " + mixed + " of " + lines.length
                            + " do best with channels and directions together, and a token uses "
                            + Fmt.percent(channels) + " of the channels in effect.",
                    Map.of("error", sum, "mixed", (double) mixed, "effective_share", channels),
                    table,
                    List.of(Figure.curve(
                            "Error by how the budget is split",
                            "share of the budget spent on channels",
                            "relative error of the output",
                            series)));
        }

        private static float[] times(float[] x, float[] gain) {
            float[] y = new float[x.length];
            for (int j = 0; j < y.length; j++) {
                y[j] = x[j] * gain[j];
            }
            return y;
        }
    }
}
