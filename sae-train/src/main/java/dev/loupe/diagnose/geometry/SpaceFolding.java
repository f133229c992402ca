package dev.loupe.diagnose.geometry;

import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.diagnose.About;
import dev.loupe.diagnose.Diagnostic;
import dev.loupe.diagnose.Figure;
import dev.loupe.diagnose.Finding;
import dev.loupe.diagnose.Need;
import dev.loupe.diagnose.Numbers;
import dev.loupe.diagnose.OwnWork;
import dev.loupe.diagnose.ResultTable;
import dev.loupe.diagnose.SinglePass;
import dev.loupe.diagnose.Source;
import dev.loupe.diagnose.Study;
import dev.loupe.diagnose.Subject;
import dev.loupe.diagnose.Topic;
import dev.loupe.diagnose.Wants;
import dev.loupe.model.Activation;
import dev.loupe.model.Forward;
import dev.loupe.model.HookPoint;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenBatch;
import dev.loupe.model.Want;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;

/**
 * Space folding (Lewandowski et al., "On Space Folds of ReLU Neural Networks", arXiv 2502.09954; "The Space Between: On
 * Folding, Symmetries and Sampling", arXiv 2503.08502): whether a straight walk between two inputs goes straight in the
 * space of active neurons.
 */
public final class SpaceFolding implements Diagnostic {
    private static final int POINTS = 11;
    private static final int PAIRS = 48;
    private static final int CONTEXT = 16;

    @Override
    public About about() {
        return About.of(
                "space-folding",
                Topic.GEOMETRY,
                "Does a straight walk between two tokens go straight in the space of active neurons?",
                "The last token's embedding moves in 11 steps on a straight line to that of another token of the same"
                        + " text; the code at each step is the set of neurons with a positive pre-activation, over all"
                        + " layers, at that position. Folding chi = 1 − (largest Hamming distance to the start) / (sum of"
                        + " the distances between neighbours); 0/0 counts as chi 0. 0: the walk goes straight; towards"
                        + " 1: it returns. Over all layers together and by layer; mean over " + PAIRS + " pairs.",
                Set.of(Need.MODEL),
                Source.paper("On Space Folds of ReLU Neural Networks", "arXiv 2502.09954"),
                Source.paper("The Space Between: On Folding, Symmetries and Sampling", "arXiv 2503.08502")
                        .but("Activation functions other than ReLU by the sign of their input; pairs are drawn at"
                                + " random."));
    }

    /** χ of a walk: 1 − max d(first, i) / Σ d(i, i + 1). */
    static double folding(List<BitSet> walk) {
        double largest = 0;
        double sum = 0;
        for (int i = 0; i < walk.size(); i++) {
            largest = Math.max(largest, Codes.hamming(walk.getFirst(), walk.get(i)));
            sum += i > 0 ? Codes.hamming(walk.get(i - 1), walk.get(i)) : 0;
        }
        return sum == 0 ? 0 : 1 - largest / sum;
    }

    @Override
    public Study begin(Subject subject) {
        return new Walking(subject);
    }

    private static final class Walking extends SinglePass implements OwnWork {
        private final Subject subject;
        private final List<HookPoint> hooks;
        private final double[] byLayer;
        private final List<Double> all = new ArrayList<>();
        private final double[] distance = new double[POINTS]; // of the first walk, to the start
        private final ResultTable table = ResultTable.of(
                "pair:whole:number of the walk",
                "from:text:token at the start",
                "to:text:token at the end",
                "folding:number:chi over all layers",
                "changed:whole:neurons that differ between start and end");

        Walking(Subject subject) {
            this.subject = subject;
            hooks = Numbers.layers(subject, l -> HookPoint.block(l, "mlp.hook_pre"));
            byLayer = new double[hooks.size()];
        }

        @Override
        protected Wants all() {
            return Wants.nothing();
        }

        @Override
        public void work(Progress progress) {
            Random random = new Random(subject.limits().seed());
            List<int[]> texts = subject.text().sequences().stream()
                    .filter(s -> s.length > CONTEXT)
                    .limit(512)
                    .toList();
            if (texts.isEmpty()) {
                throw new LoupeException("No sequence of the text has more than " + CONTEXT + " tokens to walk in.");
            }
            progress.stage("walks between tokens", PAIRS, "pairs");
            for (int i = 0; i < PAIRS; i++) {
                progress.check();
                int[] context = Arrays.copyOf(texts.get(i % texts.size()), CONTEXT);
                int from = context[CONTEXT - 1];
                int to = from;
                int[] other = texts.get(random.nextInt(texts.size()));
                for (int k = 0;
                        k < 100 && (to == from || subject.text().special().contains(to));
                        k++) {
                    to = other[random.nextInt(other.length)];
                }
                walk(i, context, from, to);
                progress.advance(i + 1);
            }
        }

        private void walk(int number, int[] context, int from, int to) {
            int at = context.length - 1;
            HookPoint embed = HookPoint.of("hook_embed");
            int[] ended = context.clone();
            ended[at] = to;
            Activation ends = subject.model()
                    .forward(TokenBatch.of(context, ended), Taps.read(embed), Want.NOTHING)
                    .activation(embed);
            float[] a = ends.row(0, at);
            float[] b = ends.row(1, at);
            int[][] batch = new int[POINTS][];
            Arrays.setAll(batch, i -> context);
            Taps taps = Taps.edit(embed, e -> {
                        for (int i = 0; i < POINTS; i++) {
                            float t = (float) i / (POINTS - 1);
                            float[] row = new float[a.length];
                            for (int j = 0; j < row.length; j++) {
                                row[j] = (1 - t) * a[j] + t * b[j];
                            }
                            e.setRow(i, at, row);
                        }
                    })
                    .merge(Taps.read(hooks));
            Forward run = subject.model().forward(TokenBatch.of(batch), taps, Want.NOTHING);
            List<List<BitSet>> walks = new ArrayList<>();
            for (HookPoint hook : hooks) {
                Activation pre = run.activation(hook);
                List<BitSet> walk = new ArrayList<>();
                for (int i = 0; i < POINTS; i++) {
                    walk.add(signs(pre.row(i, at)));
                }
                walks.add(walk);
            }
            List<BitSet> whole = new ArrayList<>();
            for (int i = 0; i < POINTS; i++) {
                BitSet joined = new BitSet();
                int shift = 0;
                for (List<BitSet> walk : walks) {
                    int offset = shift;
                    walk.get(i).stream().forEach(j -> joined.set(offset + j));
                    shift += subject.model().config().dMlp();
                }
                whole.add(joined);
            }
            for (int l = 0; l < byLayer.length; l++) {
                byLayer[l] += folding(walks.get(l)) / PAIRS;
            }
            for (int i = 0; i < POINTS && number == 0; i++) {
                distance[i] = Codes.hamming(whole.getFirst(), whole.get(i));
            }
            double chi = folding(whole);
            all.add(chi);
            table.row(
                    number,
                    subject.model().tokenizer().token(from),
                    subject.model().tokenizer().token(to),
                    chi,
                    Codes.hamming(whole.getFirst(), whole.getLast()));
        }

        private static BitSet signs(float[] row) {
            BitSet set = new BitSet(row.length);
            for (int j = 0; j < row.length; j++) {
                if (row[j] > 0) {
                    set.set(j);
                }
            }
            return set;
        }

        @Override
        public Finding finding() {
            double[] chi = all.stream().mapToDouble(d -> d).toArray();
            double mean = Numbers.mean(chi);
            double most = Arrays.stream(chi).max().orElse(0);
            return new Finding(
                    "A straight walk between two tokens folds by " + Numbers.fixed(mean, 2) + " on average and "
                            + Numbers.fixed(most, 2) + " at most (0 goes straight).",
                    Map.of(
                            "mean",
                            mean,
                            "largest",
                            most,
                            "first_layer",
                            byLayer[0],
                            "last_layer",
                            byLayer[byLayer.length - 1]),
                    table,
                    List.of(
                            Figure.curve(
                                    "Folding by layer",
                                    "layer",
                                    "chi, mean over walks",
                                    List.of(Figure.Series.byIndex("neurons of the layer", byLayer))),
                            Figure.histogram("Folding of walks", "chi", chi, 0, 1, 25),
                            Figure.curve(
                                    "One walk",
                                    "step",
                                    "neurons that differ from the start",
                                    List.of(Figure.Series.byIndex("distance", distance)))));
        }
    }
}
