package dev.loupe.diagnose.geometry;

import dev.loupe.base.LoupeException;
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
import dev.loupe.math.Parallel;
import dev.loupe.model.HookPoint;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * How far the geometry of each layer follows the labels of documents (Alleman et al., "Task structure and nonlinearity
 * jointly determine learned representational geometry", arXiv 2401.13558): CKA and RSA.
 */
public final class LabelAlignment implements Diagnostic {
    private static final int MOST = 300;

    @Override
    public About about() {
        return About.of(
                "label-alignment",
                Topic.GEOMETRY,
                "In which layer does the geometry of texts follow their labels most?",
                "A text is the mean of the residual stream behind a block over the ordinary tokens of a sequence, "
                        + MOST
                        + " sequences at most. CKA: linear centred kernel alignment with the one-hot labels. RSA:"
                        + " Spearman correlation over pairs of texts of their distance with whether their labels"
                        + " differ.",
                Set.of(Need.MODEL),
                Source.paper(
                        "Task structure and nonlinearity jointly determine learned representational geometry",
                        "arXiv 2401.13558"));
    }

    @Override
    public Study begin(Subject subject) {
        if (subject.text().labels().stream().distinct().count() < 2) {
            throw new LoupeException("The text " + subject.text().describe()
                    + " carries no two labels, so no geometry can follow them: name a store with labelled documents.");
        }
        return new Measuring(Numbers.layers(subject, HookPoint::residPost));
    }

    /** Linear CKA of two sets of rows. */
    static double cka(double[][] x, double[][] y) {
        double[][] k = centredGram(x);
        double[][] l = centredGram(y);
        double kl = 0;
        double kk = 0;
        double ll = 0;
        for (int i = 0; i < k.length; i++) {
            for (int j = 0; j < k.length; j++) {
                kl += k[i][j] * l[i][j];
                kk += k[i][j] * k[i][j];
                ll += l[i][j] * l[i][j];
            }
        }
        return kk == 0 || ll == 0 ? 0 : kl / Math.sqrt(kk * ll);
    }

    private static double[][] centredGram(double[][] rows) {
        int n = rows.length;
        double[] mean = new double[rows[0].length];
        for (double[] r : rows) {
            for (int j = 0; j < mean.length; j++) {
                mean[j] += r[j] / n;
            }
        }
        double[][] gram = new double[n][n];
        for (int a = 0; a < n; a++) {
            for (int b = 0; b < n; b++) {
                for (int j = 0; j < mean.length; j++) {
                    gram[a][b] += (rows[a][j] - mean[j]) * (rows[b][j] - mean[j]);
                }
            }
        }
        return gram;
    }

    /** Spearman correlation of distances with whether labels differ, over all pairs. */
    static double rsa(double[][] rows, List<String> labels) {
        List<Double> distances = new ArrayList<>();
        List<Double> differ = new ArrayList<>();
        for (int a = 0; a < rows.length; a++) {
            for (int b = a + 1; b < rows.length; b++) {
                double sum = 0;
                for (int j = 0; j < rows[a].length; j++) {
                    sum += (rows[a][j] - rows[b][j]) * (rows[a][j] - rows[b][j]);
                }
                distances.add(Math.sqrt(sum));
                differ.add(labels.get(a).equals(labels.get(b)) ? 0.0 : 1.0);
            }
        }
        return pearson(ranks(distances), ranks(differ));
    }

    /** Ranks from 0; equal values share the mean of theirs. */
    static double[] ranks(List<Double> values) {
        Integer[] order = new Integer[values.size()];
        Arrays.setAll(order, i -> i);
        Arrays.sort(order, Comparator.comparingDouble(values::get));
        double[] ranks = new double[order.length];
        for (int i = 0; i < order.length; ) {
            int end = i;
            while (end < order.length && values.get(order[end]).equals(values.get(order[i]))) {
                end++;
            }
            for (int j = i; j < end; j++) {
                ranks[order[j]] = (i + end - 1) / 2.0;
            }
            i = end;
        }
        return ranks;
    }

    private static double pearson(double[] a, double[] b) {
        double ma = Numbers.mean(a);
        double mb = Numbers.mean(b);
        double ab = 0;
        double aa = 0;
        double bb = 0;
        for (int i = 0; i < a.length; i++) {
            ab += (a[i] - ma) * (b[i] - mb);
            aa += (a[i] - ma) * (a[i] - ma);
            bb += (b[i] - mb) * (b[i] - mb);
        }
        return aa == 0 || bb == 0 ? 0 : ab / Math.sqrt(aa * bb);
    }

    private static final class Measuring extends SinglePass {
        private final List<HookPoint> hooks;
        private final List<double[][]> texts = new ArrayList<>(); // by text and layer
        private final List<String> labels = new ArrayList<>();

        Measuring(List<HookPoint> hooks) {
            this.hooks = hooks;
        }

        @Override
        protected Wants all() {
            return Wants.model(hooks).upTo(MOST * 256L);
        }

        @Override
        public void see(ModelPass pass) {
            int first = texts.size();
            for (int b = 0; b < pass.ids().length; b++) {
                texts.add(new double[hooks.size()][]);
                labels.add(pass.text().labels().get(pass.first() + b));
            }
            int[] counts = new int[pass.ids().length];
            for (int l = 0; l < hooks.size(); l++) {
                int layer = l;
                Arrays.fill(counts, 0);
                pass.ordinary(hooks.get(l), (row, b, p) -> {
                    double[][] text = texts.get(first + b);
                    if (text[layer] == null) {
                        text[layer] = new double[row.length];
                    }
                    for (int j = 0; j < row.length; j++) {
                        text[layer][j] += row[j];
                    }
                    counts[b]++;
                });
                for (int b = 0; b < counts.length; b++) {
                    double[] sum = texts.get(first + b)[layer];
                    for (int j = 0; sum != null && j < sum.length; j++) {
                        sum[j] /= counts[b];
                    }
                }
            }
        }

        @Override
        public Finding finding() {
            List<Integer> kept = IntStream.range(0, texts.size())
                    .filter(i -> texts.get(i)[0] != null && !labels.get(i).isBlank())
                    .limit(MOST)
                    .boxed()
                    .toList();
            List<String> own = kept.stream().map(labels::get).toList();
            List<String> names = own.stream().distinct().toList();
            double[][] oneHot = new double[kept.size()][names.size()];
            for (int i = 0; i < oneHot.length; i++) {
                oneHot[i][names.indexOf(own.get(i))] = 1;
            }
            int n = hooks.size();
            double[] cka = new double[n];
            double[] rsa = new double[n];
            Parallel.run(n, l -> {
                double[][] rows = kept.stream().map(i -> texts.get(i)[l]).toArray(double[][]::new);
                cka[l] = cka(rows, oneHot);
                rsa[l] = rsa(rows, own);
            });
            ResultTable table = ResultTable.of(
                    "layer:whole:block", "cka:number:with the labels", "rsa:number:Spearman correlation");
            int best = 0;
            for (int l = 0; l < n; l++) {
                table.row(l, cka[l], rsa[l]);
                best = cka[l] > cka[best] ? l : best;
            }
            return new Finding(
                    "The geometry of " + kept.size() + " texts follows their " + names.size() + " labels most in layer "
                            + best + " (CKA " + Numbers.fixed(cka[best], 2) + "), against " + Numbers.fixed(cka[0], 2)
                            + " in the first and " + Numbers.fixed(cka[n - 1], 2) + " in the last.",
                    Map.of(
                            "best_layer", (double) best,
                            "cka_best", cka[best],
                            "cka_first", cka[0],
                            "cka_last", cka[n - 1],
                            "rsa_best", Arrays.stream(rsa).max().orElse(0)),
                    table,
                    List.of(Figure.curve(
                            "Alignment with labels by layer",
                            "layer",
                            "likeness",
                            List.of(Figure.Series.byIndex("CKA", cka), Figure.Series.byIndex("RSA", rsa)))));
        }
    }
}
