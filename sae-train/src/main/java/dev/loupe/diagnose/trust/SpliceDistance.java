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
import dev.loupe.diagnose.SinglePass;
import dev.loupe.diagnose.Source;
import dev.loupe.diagnose.Study;
import dev.loupe.diagnose.Subject;
import dev.loupe.diagnose.Topic;
import dev.loupe.diagnose.Trial;
import dev.loupe.diagnose.Wants;
import dev.loupe.model.Editor;
import dev.loupe.model.HookPoint;
import dev.loupe.model.Taps;
import dev.loupe.sae.Sae;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * How far the model with an SAE in place is from the model as it is, as functions (Dhawan et al., "Efficient Parametric
 * Approximations of Neural Network Function Space Distance", arXiv 2302.03519).
 */
public final class SpliceDistance implements Diagnostic {
    @Override
    public About about() {
        return About.of(
                "splice-distance",
                Topic.TRUST,
                "How different a function is the model with the SAE in place?",
                "Function-space distance: mean over predicted tokens of a discrepancy of outputs between the model as it"
                        + " is and the model with the reconstruction in place; here root mean square of centred logits,"
                        + " KL and total variation. Beside it the same for nothing (zeros) and for the mean activation"
                        + " in place, which an SAE should beat by far.",
                Set.of(Need.MODEL, Need.SAE, Need.STORE),
                Source.paper(
                                "Efficient Parametric Approximations of Neural Network Function Space Distance",
                                "arXiv 2302.03519")
                        .but("Measured on text rather than approximated."));
    }

    @Override
    public Study begin(Subject subject) {
        subject.sae().requireSae("be spliced in");
        return new Comparing(subject);
    }

    private static final class Comparing extends SinglePass {
        private static final List<String> NAMES = List.of("SAE", "mean", "zero");

        private final Subject subject;
        private final List<Effect> effects = new ArrayList<>();

        Comparing(Subject subject) {
            this.subject = subject;
        }

        @Override
        protected Wants all() {
            Sae sae = subject.sae();
            HookPoint hook = subject.model().hook(sae.hookName()).hook();
            float[] mean = subject.store().mean(sae.hookName());
            return Wants.trials(List.of(
                    Trial.of(NAMES.get(0), Taps.edit(hook, Rewrite.splice(subject.text(), sae))),
                    Trial.of(NAMES.get(1), Taps.edit(hook, constant(mean))),
                    Trial.of(NAMES.get(2), Taps.edit(hook, constant(new float[mean.length])))));
        }

        private Editor constant(float[] value) {
            return Rewrite.rows(subject.text(), (row, token, p) -> System.arraycopy(value, 0, row, 0, row.length));
        }

        @Override
        public void see(Trial trial, Effect effect) {
            effects.add(effect);
        }

        @Override
        public Finding finding() {
            ResultTable table = ResultTable.of(
                    "in_place:text:what replaces the activations",
                    "logit_distance:number:root mean square of centred logits",
                    "kl:number:nats per token",
                    "total_variation:number:half the sum of |p - q|",
                    "delta_loss:number:nats per token");
            for (int i = 0; i < NAMES.size(); i++) {
                Effect e = effects.get(i);
                table.row(NAMES.get(i), e.distance(), e.kl(), e.difference(), e.deltaLoss());
            }
            double share = effects.get(0).distance() / effects.get(1).distance();
            return new Finding(
                    "With " + subject.sae().name() + " in place logits move by "
                            + Numbers.short3(effects.get(0).distance()) + ", " + Fmt.percent(share)
                            + " of what the mean in place moves them by (KL "
                            + Numbers.short3(effects.get(0).kl())
                            + " nats).",
                    Map.of(
                            "distance", effects.get(0).distance(),
                            "kl", effects.get(0).kl(),
                            "share_of_mean", share),
                    table,
                    List.of());
        }
    }
}
