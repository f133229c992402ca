package dev.loupe.diagnose.geometry;

import dev.loupe.base.Fmt;
import dev.loupe.base.Progress;
import dev.loupe.diagnose.About;
import dev.loupe.diagnose.Diagnostic;
import dev.loupe.diagnose.Figure;
import dev.loupe.diagnose.Finding;
import dev.loupe.diagnose.ModelPass;
import dev.loupe.diagnose.Need;
import dev.loupe.diagnose.Numbers;
import dev.loupe.diagnose.OwnWork;
import dev.loupe.diagnose.ResultTable;
import dev.loupe.diagnose.Rewrite;
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
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * Whether a pushed residual stream comes back (Fernando and Guitchounts, "Transformer Dynamics", arXiv 2502.12131): a
 * random push at one layer and how long it is at the layers behind.
 */
public final class PerturbationReturn implements Diagnostic {
    private static final double PUSH = 0.1;
    private static final long TOKENS = 1024;

    @Override
    public About about() {
        return About.of(
                "perturbation-return",
                Topic.GEOMETRY,
                "Does the residual stream return after a push?",
                "At every ordinary position a random direction with a tenth of the state's length is added to the"
                        + " residual stream behind one block; at each block behind it: length of the difference to the"
                        + " undisturbed pass over the length of the state there, relative to that ratio right at the"
                        + " push. Below 1 the state returns, above 1 it is driven away. Pushed at the first, a middle"
                        + " and a late block.",
                Set.of(Need.MODEL),
                Source.paper(
                                "Transformer Dynamics: A neuroscientific approach to interpretability of large language"
                                        + " models",
                                "arXiv 2502.12131")
                        .but("Relative to the length of the state, which itself grows with depth."));
    }

    @Override
    public Study begin(Subject subject) {
        return new Pushing(subject);
    }

    private static final class Pushing extends SinglePass implements OwnWork {
        private final Subject subject;
        private final List<HookPoint> hooks;
        private final int[] pushed;
        private final double[][] ratios; // by push and layer
        private long tokens;

        Pushing(Subject subject) {
            this.subject = subject;
            hooks = Numbers.layers(subject, HookPoint::residPost);
            int n = hooks.size();
            pushed = IntStream.of(0, n / 3, 2 * n / 3)
                    .filter(l -> l < n - 1 || n == 1)
                    .distinct()
                    .toArray();
            ratios = new double[pushed.length][n];
        }

        @Override
        protected Wants all() {
            return Wants.nothing();
        }

        @Override
        public void work(Progress progress) {
            progress.stage("pushing the residual stream", TOKENS, "tokens");
            for (int[] ids : subject.text().sequences()) {
                progress.check();
                if (tokens >= TOKENS) {
                    return;
                }
                Forward clean = forward(ids, Taps.none());
                for (int k = 0; k < pushed.length; k++) {
                    Forward changed =
                            forward(ids, Taps.edit(hooks.get(pushed[k]), Rewrite.rows(subject.text(), this::push)));
                    for (int l = pushed[k]; l < hooks.size(); l++) {
                        ratios[k][l] += ratio(ids, clean.activation(hooks.get(l)), changed.activation(hooks.get(l)));
                    }
                }
                for (int p = 0; p < ids.length; p++) {
                    tokens += subject.text().ordinary(ids, p) ? 1 : 0;
                }
                progress.advance(Math.min(TOKENS, tokens));
            }
        }

        private Forward forward(int[] ids, Taps taps) {
            return subject.model().forward(TokenBatch.of(ids), taps.merge(Taps.read(hooks)), Want.NOTHING);
        }

        private void push(float[] row, int token, int position) {
            Random random = new Random(subject.limits().seed() * 31 + position * 1_000_003L + token);
            float[] direction = new float[row.length];
            for (int j = 0; j < direction.length; j++) {
                direction[j] = (float) random.nextGaussian();
            }
            double scale = PUSH * Numbers.norm(row) / Numbers.norm(direction);
            for (int j = 0; j < row.length; j++) {
                row[j] += (float) (scale * direction[j]);
            }
        }

        /** Sum over ordinary positions of the difference's length over the state's. */
        private double ratio(int[] ids, Activation clean, Activation changed) {
            double sum = 0;
            float[] a = new float[clean.width()];
            float[] b = new float[clean.width()];
            for (int p = 0; p < ids.length; p++) {
                if (subject.text().ordinary(ids, p)) {
                    ModelPass.copy(clean, 0, p, a);
                    ModelPass.copy(changed, 0, p, b);
                    double squares = 0;
                    for (int j = 0; j < a.length; j++) {
                        squares += ((double) b[j] - a[j]) * ((double) b[j] - a[j]);
                    }
                    double length = Numbers.norm(a);
                    sum += length == 0 ? 0 : Math.sqrt(squares) / length;
                }
            }
            return sum;
        }

        @Override
        public Finding finding() {
            ResultTable table = ResultTable.of(
                    "pushed:whole:block behind which the push happens",
                    "layer:whole:block behind which it is measured",
                    "left:number:relative length of the difference over that at the push");
            List<Figure.Series> lines = new ArrayList<>();
            double[] ends = new double[pushed.length];
            for (int k = 0; k < pushed.length; k++) {
                int n = hooks.size() - pushed[k];
                double[] xs = new double[n];
                double[] ys = new double[n];
                for (int i = 0; i < n; i++) {
                    xs[i] = pushed[k] + i;
                    ys[i] = ratios[k][pushed[k] + i] / ratios[k][pushed[k]];
                    table.row(pushed[k], pushed[k] + i, ys[i]);
                }
                ends[k] = ys[n - 1];
                lines.add(new Figure.Series("pushed at " + pushed[k], xs, ys));
            }
            return new Finding(
                    "Of a push behind the first block " + Fmt.percent(ends[0])
                            + " is left at the end (relative to the state), of one behind block "
                            + pushed[pushed.length - 1] + " " + Fmt.percent(ends[ends.length - 1]) + ".",
                    Map.of("left_first", ends[0], "left_late", ends[ends.length - 1]),
                    table,
                    List.of(Figure.curve("What is left of a push", "layer", "relative difference", lines)));
        }
    }
}
