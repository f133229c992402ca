package dev.loupe.diagnose.trust;

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
import dev.loupe.math.DoubleOps;
import dev.loupe.model.Activation;
import dev.loupe.model.HookPoint;
import dev.loupe.model.Rules;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenBatch;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * How gradients change when hard gates are softened on the way back (Satkiewicz, "Tapping into the Black Box: Uncovering
 * Aligned Representations in Pretrained Neural Networks", arXiv 2507.22832: excitation pullbacks).
 */
public final class SoftGate implements Diagnostic {
    private static final double[] TEMPERATURES = {0.01, 0.1, 0.5, 1, 2, 10, 100};
    private static final int TEXTS = 12;
    private static final int LENGTH = 32;

    @Override
    public About about() {
        return About.of(
                "soft-gate",
                Topic.TRUST,
                "How much do attributions depend on the hard gates of the MLPs?",
                "Gradient of the likeliest next token's logit with respect to the token embeddings, with the slope of"
                        + " every MLP activation replaced by sigmoid(x / T) on the way back; forward values are"
                        + " unchanged. Cosine with the plain gradient and length over it, by temperature T. " + TEXTS
                        + " texts of " + LENGTH + " tokens. The same rule is offered in patching (--rules soft).",
                Set.of(Need.MODEL),
                Source.paper(
                        "Tapping into the Black Box: Uncovering Aligned Representations in Pretrained Neural Networks",
                        "arXiv 2507.22832"));
    }

    @Override
    public Study begin(Subject subject) {
        return new Pulling(subject);
    }

    private static final class Pulling extends SinglePass implements OwnWork {
        private static final HookPoint EMBED = HookPoint.of("hook_embed");

        private final Subject subject;
        private final double[] cosine = new double[TEMPERATURES.length];
        private final double[] length = new double[TEMPERATURES.length];
        private int texts;

        Pulling(Subject subject) {
            this.subject = subject;
        }

        @Override
        protected Wants all() {
            return Wants.nothing();
        }

        @Override
        public void work(Progress progress) {
            progress.stage("gradients through soft gates", TEXTS, "texts");
            for (int[] sequence : subject.text().sequences()) {
                progress.check();
                if (texts == TEXTS) {
                    return;
                }
                if (sequence.length < 4) {
                    continue;
                }
                int[] ids = Arrays.copyOf(sequence, Math.min(sequence.length, LENGTH));
                float[] plain = gradient(ids, Rules.NONE);
                for (int t = 0; t < TEMPERATURES.length; t++) {
                    float[] soft = gradient(ids, new Rules(false, false, false, false, TEMPERATURES[t]));
                    cosine[t] += DoubleOps.dot(plain, soft) / (Numbers.norm(plain) * Numbers.norm(soft));
                    length[t] += Numbers.norm(soft) / Numbers.norm(plain);
                }
                progress.advance(++texts);
            }
        }

        private float[] gradient(int[] ids, Rules rules) {
            Activation g = subject.model()
                    .backward(TokenBatch.of(ids), Taps.none(), Pulling::likeliest, rules, List.of(EMBED))
                    .gradient(EMBED);
            float[] all = new float[ids.length * g.width()];
            for (int p = 0; p < ids.length; p++) {
                System.arraycopy(g.row(0, p), 0, all, p * g.width(), g.width());
            }
            return all;
        }

        private static double likeliest(int row, float[] logits, float[] grad) {
            int best = 0;
            for (int i = 1; i < logits.length; i++) {
                best = logits[i] > logits[best] ? i : best;
            }
            grad[best] = 1;
            return logits[best];
        }

        @Override
        public Finding finding() {
            if (texts == 0) {
                throw new LoupeException("The text has no sequence of at least 4 tokens to look at.");
            }
            ResultTable table = ResultTable.of(
                    "temperature:number:T",
                    "cosine:number:with the plain gradient",
                    "length:number:over that of the plain gradient");
            for (int t = 0; t < TEMPERATURES.length; t++) {
                cosine[t] /= texts;
                length[t] /= texts;
                table.row(TEMPERATURES[t], cosine[t], length[t]);
            }
            return new Finding(
                    "With soft gates at temperature 1 gradients have a cosine of " + Numbers.fixed(cosine[3], 2)
                            + " with the plain ones, with hard gates (T near 0) " + Numbers.fixed(cosine[0], 2) + ".",
                    Map.of("cosine_1", cosine[3], "cosine_hard", cosine[0], "length_soft", length[6]),
                    table,
                    List.of(Figure.curve(
                                    "Agreement with the plain gradient",
                                    "temperature",
                                    "cosine",
                                    List.of(new Figure.Series("embeddings", TEMPERATURES, cosine)))
                            .withLogX()));
        }
    }
}
