package dev.loupe.diagnose.trust;

import dev.loupe.base.Fmt;
import dev.loupe.diagnose.About;
import dev.loupe.diagnose.Diagnostic;
import dev.loupe.diagnose.Effect;
import dev.loupe.diagnose.Finding;
import dev.loupe.diagnose.Need;
import dev.loupe.diagnose.Numbers;
import dev.loupe.diagnose.ResultTable;
import dev.loupe.diagnose.Rewrite;
import dev.loupe.diagnose.RowPass;
import dev.loupe.diagnose.Source;
import dev.loupe.diagnose.Study;
import dev.loupe.diagnose.Subject;
import dev.loupe.diagnose.Topic;
import dev.loupe.diagnose.Trial;
import dev.loupe.diagnose.Wants;
import dev.loupe.math.Matrix;
import dev.loupe.model.HookPoint;
import dev.loupe.model.Taps;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SparseCodes;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/**
 * Whether it matters how strongly latents fire, or only that they do: each active latent is put at its mean (the
 * activation-pattern-only test of Han et al., "Respect the model: Fine-grained and Robust Explanation with Sharing Ratio
 * Decomposition", arXiv 2402.03348).
 */
public final class PatternOnly implements Diagnostic {
    @Override
    public About about() {
        return About.of(
                "pattern-only",
                Topic.TRUST,
                "Does it matter how strongly latents fire, or only which?",
                "Each active latent is replaced by its mean over the tokens on which it is active, and the decoded sum"
                        + " takes the place of the activations. Rise of the loss in nats against that with the exact"
                        + " code; kept: share of the loss recovered by the exact code (against zeros) that the pattern"
                        + " alone recovers.",
                Set.of(Need.MODEL, Need.SAE, Need.STORE),
                Source.paper(
                                "Respect the model: Fine-grained and Robust Explanation with Sharing Ratio Decomposition",
                                "arXiv 2402.03348")
                        .but(
                                "Its pattern-only prediction, carried over from the neurons of image networks to latents."));
    }

    @Override
    public Study begin(Subject subject) {
        subject.sae().requireSae("be spliced in");
        return new Comparing(subject);
    }

    private static final class Comparing implements Study {
        private final Subject subject;
        private final Sae sae;
        private final double[] sums;
        private final long[] fired;
        private final Map<String, Effect> effects = new LinkedHashMap<>();
        private int stage;

        Comparing(Subject subject) {
            this.subject = subject;
            this.sae = subject.sae();
            this.sums = new double[sae.dSae()];
            this.fired = new long[sae.dSae()];
        }

        @Override
        public Wants wants() {
            stage++;
            return stage == 1 ? Wants.codes(sae).upTo(65_536) : stage == 2 ? Wants.trials(trials()) : Wants.nothing();
        }

        private List<Trial> trials() {
            HookPoint hook = subject.model().hook(sae.hookName()).hook();
            return List.of(
                    Trial.of("exact", Taps.edit(hook, Rewrite.splice(subject.text(), sae))),
                    Trial.of("pattern", Taps.edit(hook, Rewrite.together(subject.text(), this::patterns))),
                    Trial.of(
                            "zero", Taps.edit(hook, Rewrite.rows(subject.text(), (row, t, p) -> Arrays.fill(row, 0)))));
        }

        private void patterns(Matrix rows) {
            SparseCodes codes = sae.encode(rows);
            float[] values = new float[codes.size()];
            for (int e = 0; e < values.length; e++) {
                int id = codes.ids()[e];
                values[e] = fired[id] == 0 ? codes.values()[e] : (float) (sums[id] / fired[id]);
            }
            SparseCodes means = new SparseCodes(codes.offsets(), codes.ids(), values);
            float[] row = new float[sae.dOut()];
            for (int r = 0; r < means.rows(); r++) {
                sae.decode(means, r, row);
                rows.setRow(r, row);
            }
        }

        @Override
        public void see(RowPass pass) {
            SparseCodes codes = pass.codes(sae);
            for (int e = 0; e < codes.size(); e++) {
                sums[codes.ids()[e]] += codes.values()[e];
                fired[codes.ids()[e]]++;
            }
        }

        @Override
        public void see(Trial trial, Effect effect) {
            effects.put(trial.name(), effect);
        }

        @Override
        public Finding finding() {
            ResultTable table = ResultTable.of(
                    "in_place:text:exact code, pattern with means, zeros",
                    "delta_loss:number:nats per token",
                    "kl:number:nats per token");
            effects.forEach((name, e) -> table.row(name, e.deltaLoss(), e.kl()));
            double exact = Objects.requireNonNull(effects.get("exact")).deltaLoss();
            double pattern = Objects.requireNonNull(effects.get("pattern")).deltaLoss();
            double zero = Objects.requireNonNull(effects.get("zero")).deltaLoss();
            double kept = (zero - pattern) / (zero - exact);
            return new Finding(
                    "Knowing only which latents fire costs " + Numbers.short3(pattern) + " nats, their exact values "
                            + Numbers.short3(exact) + "; the pattern keeps " + Fmt.percent(kept)
                            + " of what the code recovers.",
                    Map.of("delta_exact", exact, "delta_pattern", pattern, "delta_zero", zero, "kept", kept),
                    table,
                    List.of());
        }
    }
}
