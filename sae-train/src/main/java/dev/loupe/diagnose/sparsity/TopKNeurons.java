package dev.loupe.diagnose.sparsity;

import dev.loupe.diagnose.About;
import dev.loupe.diagnose.Diagnostic;
import dev.loupe.diagnose.Effect;
import dev.loupe.diagnose.Figure;
import dev.loupe.diagnose.Finding;
import dev.loupe.diagnose.Need;
import dev.loupe.diagnose.Numbers;
import dev.loupe.diagnose.ResultTable;
import dev.loupe.diagnose.Rewrite;
import dev.loupe.diagnose.SinglePass;
import dev.loupe.diagnose.Source;
import dev.loupe.diagnose.Study;
import dev.loupe.diagnose.Subject;
import dev.loupe.diagnose.Topic;
import dev.loupe.diagnose.Trial;
import dev.loupe.diagnose.Wants;
import dev.loupe.math.TopK;
import dev.loupe.model.HookPoint;
import dev.loupe.model.MlpKind;
import dev.loupe.model.Taps;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/**
 * Perplexity with only the largest neurons of each token (Song et al., "Turbo Sparse: Achieving LLM SOTA Performance with
 * Minimal Activated Parameters", arXiv 2406.05955, section 3.1), and with dReLU in place of the MLP's own activation.
 */
public final class TopKNeurons implements Diagnostic {
    private static final double[] SPARSITIES = {0, 0.5, 0.8, 0.85, 0.9, 0.95};

    @Override
    public About about() {
        return About.of(
                "top-k-neurons",
                Topic.SPARSITY,
                "How many of its largest neurons does each token need?",
                "In every MLP the neurons with the smallest |post| of a token are set to 0, so that the stated share is"
                        + " left out. Perplexity and KL to the model as it is. In gated models also with dReLU, post ="
                        + " max(0, gate) max(0, up), put in without any training, alone and with the same shares left"
                        + " out of what remains.",
                Set.of(Need.MODEL),
                Source.paper(
                                "Turbo Sparse: Achieving LLM SOTA Performance with Minimal Activated Parameters",
                                "arXiv 2406.05955, section 3.1")
                        .but("The paper trains models with dReLU; here it replaces another function unprepared."));
    }

    @Override
    public Study begin(Subject subject) {
        return new Ablating(subject);
    }

    /** Sets all but the largest {@code keep} values to 0; ties lose. */
    static void keepLargest(float[] row, int keep) {
        if (keep >= row.length) {
            return;
        }
        float[] sizes = new float[row.length];
        for (int i = 0; i < row.length; i++) {
            sizes[i] = Math.abs(row[i]);
        }
        float limit = keep == 0 ? Float.POSITIVE_INFINITY : TopK.kthLargest(sizes, sizes.length, keep);
        for (int i = 0; i < row.length; i++) {
            if (Math.abs(row[i]) < limit) {
                row[i] = 0;
            }
        }
    }

    private static final class Ablating extends SinglePass {
        private final Subject subject;
        private final MlpKind mlp;
        private final Map<String, Effect> effects = new LinkedHashMap<>();

        Ablating(Subject subject) {
            this.subject = subject;
            this.mlp = subject.model().mlp();
        }

        @Override
        protected Wants all() {
            List<Trial> trials = new ArrayList<>();
            for (double s : SPARSITIES) {
                trials.add(Trial.of("own " + s, taps(s, false)));
                if (mlp.gated()) {
                    trials.add(Trial.of("drelu " + s, taps(s, true)));
                }
            }
            return Wants.trials(trials);
        }

        private Taps taps(double sparsity, boolean drelu) {
            Taps.Builder taps = Taps.builder();
            for (int l = 0; l < subject.model().config().nLayers(); l++) {
                ThreadLocal<Map<Integer, float[]>> gates = ThreadLocal.withInitial(HashMap::new);
                ThreadLocal<Map<Integer, float[]>> ups = ThreadLocal.withInitial(HashMap::new);
                if (drelu) {
                    taps.edit(
                            HookPoint.block(l, "mlp.hook_pre"),
                            Rewrite.rows(
                                    subject.text(),
                                    (row, token, p) -> gates.get().put(p, row.clone())));
                    taps.edit(
                            HookPoint.block(l, "mlp.hook_pre_linear"),
                            Rewrite.rows(
                                    subject.text(), (row, token, p) -> ups.get().put(p, row.clone())));
                }
                taps.edit(HookPoint.mlpPost(l), Rewrite.rows(subject.text(), (row, token, p) -> {
                    float[] gate = gates.get().remove(p);
                    float[] up = ups.get().remove(p);
                    for (int i = 0; drelu && gate != null && up != null && i < row.length; i++) {
                        row[i] = Math.max(0, gate[i]) * Math.max(0, up[i]);
                    }
                    keepLargest(row, (int) Math.round((1 - sparsity) * row.length));
                }));
            }
            return taps.build();
        }

        @Override
        public void see(Trial trial, Effect effect) {
            effects.put(trial.name(), effect);
        }

        private double[] ratios(String kind) {
            return Arrays.stream(SPARSITIES)
                    .map(s -> effect(kind + " " + s).perplexity()
                            / effect(kind + " " + s).basePerplexity())
                    .toArray();
        }

        private Effect effect(String name) {
            return Objects.requireNonNull(effects.get(name));
        }

        @Override
        public Finding finding() {
            ResultTable table = ResultTable.of(
                    "function:text:activation of the MLPs",
                    "sparsity:number:share of neurons left out",
                    "perplexity:number:of the next token",
                    "ratio:number:over that of the model as it is",
                    "kl:number:nats per token");
            List<String> kinds = mlp.gated() ? List.of("own", "drelu") : List.of("own");
            for (String kind : kinds) {
                for (double s : SPARSITIES) {
                    Effect e = effect(kind + " " + s);
                    table.row(
                            kind.equals("own") ? mlp.title() : "dReLU",
                            s,
                            e.perplexity(),
                            e.perplexity() / e.basePerplexity(),
                            e.kl());
                }
            }
            double[] own = ratios("own");
            List<Figure.Series> lines = new ArrayList<>(List.of(new Figure.Series(mlp.title(), SPARSITIES, own)));
            Map<String, Double> numbers = new LinkedHashMap<>();
            numbers.put("ratio_50", own[1]);
            numbers.put("ratio_80", own[2]);
            numbers.put("ratio_90", own[4]);
            if (mlp.gated()) {
                double[] drelu = ratios("drelu");
                lines.add(new Figure.Series("dReLU, untrained", SPARSITIES, drelu));
                numbers.put("drelu_ratio_0", drelu[0]);
            }
            return new Finding(
                    "With the largest 20 % of the neurons perplexity is " + Numbers.fixed(own[2], 2)
                            + " times the model's own, with 10 % " + Numbers.fixed(own[4], 2) + " times (" + mlp.title()
                            + ").",
                    numbers,
                    table,
                    List.of(Figure.curve(
                                    "Perplexity with the largest neurons only",
                                    "share of neurons left out",
                                    "perplexity over the model's own",
                                    lines)
                            .withLogY()));
        }
    }
}
