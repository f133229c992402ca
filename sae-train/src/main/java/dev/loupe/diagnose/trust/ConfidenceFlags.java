package dev.loupe.diagnose.trust;

import dev.loupe.base.Fmt;
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
import dev.loupe.model.Taps;
import dev.loupe.model.TokenBatch;
import dev.loupe.model.Want;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;

/**
 * Whether the model's confidence tells text from noise (Ulmer and Cinà, "Know Your Limits: Uncertainty Estimation with ReLU
 * Classifiers Fails at Reliable OOD Detection", arXiv 2012.05329): it is no reliable sign of unfamiliar input.
 */
public final class ConfidenceFlags implements Diagnostic {
    private static final int SEQUENCES = 48;

    @Override
    public About about() {
        return About.of(
                "confidence-flags",
                Topic.TRUST,
                "Can the model's confidence flag text that is no text?",
                "Predictions on " + SEQUENCES + " sequences as they are and on the same sequences with their tokens in"
                        + " random order. AUROC: probability that a random position of real text has a larger largest"
                        + " probability (or a smaller entropy) than one of shuffled text; 0.5 is chance, 1 would be a"
                        + " reliable flag.",
                Set.of(Need.MODEL),
                Source.paper(
                                "Know Your Limits: Uncertainty Estimation with ReLU Classifiers Fails at Reliable OOD"
                                        + " Detection",
                                "arXiv 2012.05329")
                        .but("A language model and shuffled text in place of a classifier and synthetic inputs."));
    }

    @Override
    public Study begin(Subject subject) {
        return new Probing(subject);
    }

    /** Probability that a value of the first is larger than one of the second; equal values count half. */
    static double auroc(double[] high, double[] low) {
        List<Double> all = new ArrayList<>();
        for (double v : high) {
            all.add(v);
        }
        for (double v : low) {
            all.add(v);
        }
        Integer[] order = new Integer[all.size()];
        Arrays.setAll(order, i -> i);
        Arrays.sort(order, Comparator.comparingDouble(all::get));
        double ranks = 0;
        for (int i = 0; i < order.length; ) {
            int end = i;
            while (end < order.length && all.get(order[end]).equals(all.get(order[i]))) {
                end++;
            }
            for (int j = i; j < end; j++) {
                ranks += order[j] < high.length ? (i + end + 1) / 2.0 : 0;
            }
            i = end;
        }
        return (ranks - high.length * (high.length + 1) / 2.0) / ((double) high.length * low.length);
    }

    private static final class Probing extends SinglePass implements OwnWork {
        private final Subject subject;
        private final List<Double> realTop = new ArrayList<>();
        private final List<Double> shuffledTop = new ArrayList<>();
        private final List<Double> realEntropy = new ArrayList<>();
        private final List<Double> shuffledEntropy = new ArrayList<>();

        Probing(Subject subject) {
            this.subject = subject;
        }

        @Override
        protected Wants all() {
            return Wants.nothing();
        }

        @Override
        public void work(Progress progress) {
            Random random = new Random(subject.limits().seed());
            progress.stage("confidence on real and shuffled text", SEQUENCES, "sequences");
            int done = 0;
            for (int[] ids : subject.text().sequences()) {
                progress.check();
                if (done == SEQUENCES) {
                    return;
                }
                int[] shuffled = ids.clone();
                for (int i = shuffled.length - 1; i > 1; i--) { // the first token stays: BOS, where there is one
                    int j = 1 + random.nextInt(i);
                    int kept = shuffled[i];
                    shuffled[i] = shuffled[j];
                    shuffled[j] = kept;
                }
                look(ids, realTop, realEntropy);
                look(shuffled, shuffledTop, shuffledEntropy);
                progress.advance(++done);
            }
        }

        private void look(int[] ids, List<Double> top, List<Double> entropy) {
            try (Arena arena = Arena.ofShared()) {
                Activation logits = subject.model()
                        .forward(TokenBatch.of(ids), Taps.none().in(arena), Want.ALL_LOGITS)
                        .allLogits();
                for (int p = 8; p < ids.length; p += 3) { // some context, and not every neighbour
                    look(logits.row(0, p), top, entropy);
                }
            }
        }

        private static void look(float[] row, List<Double> top, List<Double> entropy) {
            double max = Double.NEGATIVE_INFINITY;
            for (float v : row) {
                max = Math.max(max, v);
            }
            double sum = 0;
            double weighted = 0;
            for (float v : row) {
                double e = Math.exp(v - max);
                sum += e;
                weighted += e * (v - max);
            }
            top.add(1 / sum);
            entropy.add(Math.log(sum) - weighted / sum);
        }

        private static double[] array(List<Double> values) {
            return values.stream().mapToDouble(d -> d).toArray();
        }

        @Override
        public Finding finding() {
            if (realTop.isEmpty()) {
                throw new LoupeException("The text has no sequence of more than 8 tokens to look at.");
            }
            double byTop = auroc(array(realTop), array(shuffledTop));
            double byEntropy = auroc(array(shuffledEntropy), array(realEntropy));
            double[] sorted = array(shuffledTop);
            Arrays.sort(sorted);
            double sure = (double) Arrays.stream(sorted).filter(v -> v > 0.5).count() / sorted.length;
            ResultTable table = ResultTable.of("flag:text:what is looked at", "auroc:number:0.5 is chance, 1 reliable");
            table.row("largest probability", byTop).row("entropy", byEntropy);
            return new Finding(
                    "Confidence tells real from shuffled text with an AUROC of " + Numbers.fixed(byTop, 2)
                            + " (entropy "
                            + Numbers.fixed(byEntropy, 2) + "), and " + Fmt.percent(sure)
                            + " of the predictions on shuffled text are surer than one half.",
                    Map.of("auroc_top", byTop, "auroc_entropy", byEntropy, "sure_on_shuffled", sure),
                    table,
                    List.of(
                            Figure.histogram("Largest probability, real text", "probability", array(realTop), 0, 1, 25),
                            Figure.histogram(
                                    "Largest probability, shuffled text", "probability", array(shuffledTop), 0, 1, 25)),
                    List.of("A flag that rests on confidence alone is unreliable: networks of ReLU layers can be sure"
                            + " far away from anything they were trained on."));
        }
    }
}
