package dev.loupe.diagnose.sparsity;

import dev.loupe.base.Fmt;
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
import dev.loupe.model.HookPoint;
import dev.loupe.model.MlpKind;
import dev.loupe.model.Taps;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * FATReLU (Song et al., "ProSparse: Introducing and Enhancing Intrinsic Activation Sparsity within Large Language Models",
 * arXiv 2402.13516, section 3.3): activations at or below a threshold become 0; sparsity against what it costs.
 */
public final class ThresholdShift implements Diagnostic {
    private static final double[] SHARES = {0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95};

    @Override
    public About about() {
        return About.of(
                "threshold-shift",
                Topic.SPARSITY,
                "How much sparser do shifted thresholds make the MLPs, and at what price?",
                "FATReLU: out = x where x > t, else 0, on the activated gate (or the only activation) of every MLP, one"
                        + " t for all layers. Sparsity is the share of zeros there, averaged over layers; the price is"
                        + " KL to the model as it is. Thresholds are quantiles of the activations' sizes; other"
                        + " activation functions than ReLU count by size, |x| > t.",
                Set.of(Need.MODEL),
                Source.paper(
                                "ProSparse: Introducing and Enhancing Intrinsic Activation Sparsity within Large Language"
                                        + " Models",
                                "arXiv 2402.13516, section 3.3")
                        .but("Tried on models as they are, without training for it."));
    }

    @Override
    public Study begin(Subject subject) {
        return new Shifting(subject);
    }

    private static final class Shifting implements Study {
        private final Subject subject;
        private final MlpKind mlp;
        private final List<HookPoint> hooks;
        private final Magnitudes[] sizes;
        private final Magnitudes all = new Magnitudes();
        private final List<double[]> points = new ArrayList<>();
        private int stage;

        Shifting(Subject subject) {
            this.subject = subject;
            this.mlp = subject.model().mlp();
            this.hooks = Numbers.layers(subject, l -> HookPoint.block(l, "mlp.hook_pre"));
            this.sizes = new Magnitudes[hooks.size()];
            Arrays.setAll(sizes, i -> new Magnitudes());
        }

        @Override
        public Wants wants() {
            stage++;
            return stage == 1
                    ? Wants.model(hooks).upTo(8192)
                    : stage == 2
                            ? Wants.trials(
                                    thresholds().stream().map(this::trial).toList())
                            : Wants.nothing();
        }

        private List<Float> thresholds() {
            return Arrays.stream(SHARES)
                    .mapToObj(s -> s == 0 ? 0f : all.quantile(s))
                    .distinct()
                    .toList();
        }

        private Trial trial(float t) {
            Taps.Builder taps = Taps.builder();
            for (HookPoint hook : hooks) {
                taps.edit(hook, Rewrite.rows(subject.text(), (row, token, p) -> {
                    for (int i = 0; i < row.length; i++) {
                        if (Math.abs(mlp.value(row[i])) <= t) {
                            row[i] = 0; // act(0) = 0
                        }
                    }
                }));
            }
            return Trial.of(Float.toString(t), taps.build());
        }

        @Override
        public void see(ModelPass pass) {
            for (int l = 0; l < sizes.length; l++) {
                Magnitudes m = sizes[l];
                pass.ordinary(hooks.get(l), (row, b, p) -> {
                    for (float x : row) {
                        float a = (float) mlp.value(x);
                        m.add(a);
                        all.add(a);
                    }
                });
            }
        }

        @Override
        public void see(Trial trial, Effect e) {
            float t = Float.parseFloat(trial.name());
            double sparsity = 0;
            for (Magnitudes m : sizes) {
                sparsity += m.atMost(t) / sizes.length;
            }
            points.add(new double[] {t, sparsity, e.kl(), e.perplexity() / e.basePerplexity()});
        }

        @Override
        public Finding finding() {
            ResultTable table = ResultTable.of(
                    "threshold:number:t",
                    "sparsity:number:share of zeros, averaged over layers",
                    "kl:number:KL to the model as it is, nats per token",
                    "perplexity_ratio:number:perplexity over that of the model as it is");
            points.forEach(p -> table.row(p[0], p[1], p[2], p[3]));
            double raw = points.getFirst()[1];
            double[] best = points.stream().filter(p -> p[3] <= 1.01).reduce(points.getFirst(), (a, b) -> b);
            return new Finding(
                    "As it is " + Fmt.percent(raw) + " of the activations are zero; a threshold of "
                            + Numbers.short3(best[0]) + " makes that " + Fmt.percent(best[1])
                            + " and raises perplexity by " + Fmt.percent(best[3] - 1) + ".",
                    Map.of("raw_sparsity", raw, "sparsity", best[1], "threshold", best[0], "kl", best[2]),
                    table,
                    List.of(Figure.curve(
                            "Sparsity against KL",
                            "share of zeros",
                            "KL in nats",
                            List.of(new Figure.Series(
                                    mlp.title(),
                                    points.stream().mapToDouble(p -> p[1]).toArray(),
                                    points.stream().mapToDouble(p -> p[2]).toArray())))));
        }
    }
}
