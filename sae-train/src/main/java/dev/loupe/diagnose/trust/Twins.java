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
import dev.loupe.model.Taps;
import dev.loupe.sae.Sae;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Two SAEs of one place compared by what the model predicts with each spliced in (Shamir and Lin, "Smooth activations and
 * reproducibility in deep networks", arXiv 2010.09931, prediction difference).
 */
public final class Twins implements Diagnostic {
    @Override
    public About about() {
        return About.of(
                "twins",
                Topic.TRUST,
                "Does the model predict the same with either of two SAEs in place?",
                "The model with the reconstruction of one SAE in place of the activations, against the model as it is"
                        + " and against the model with the other SAE in place: KL in nats; relative prediction"
                        + " difference, |p − q| / ((p + q) / 2) of the next token; share of positions with the same"
                        + " likeliest token. Means over predicted tokens.",
                Set.of(Need.MODEL, Need.SAE_PAIR),
                Source.paper("Smooth activations and reproducibility in deep networks", "arXiv 2010.09931")
                        .but("Twins are SAEs of two seeds rather than networks trained twice."));
    }

    @Override
    public Study begin(Subject subject) {
        subject.sae().requireSae("be spliced in beside another");
        subject.otherSae().requireSae("be spliced in beside another");
        return new Comparing(subject);
    }

    private static final class Comparing extends SinglePass {
        private final Subject subject;
        private final List<String> names;
        private final List<Effect> effects = new ArrayList<>();

        Comparing(Subject subject) {
            this.subject = subject;
            String a = subject.sae().name();
            String b = subject.otherSae().name();
            names = List.of(a + " against the model", b + " against the model", a + " against " + b);
        }

        private Taps splice(Sae sae) {
            return Taps.edit(subject.model().hook(sae.hookName()).hook(), Rewrite.splice(subject.text(), sae));
        }

        @Override
        protected Wants all() {
            Taps a = splice(subject.sae());
            Taps b = splice(subject.otherSae());
            return Wants.trials(
                    List.of(Trial.of(names.get(0), a), Trial.of(names.get(1), b), Trial.between(names.get(2), a, b)));
        }

        @Override
        public void see(Trial trial, Effect effect) {
            effects.add(effect);
        }

        @Override
        public Finding finding() {
            ResultTable table = ResultTable.of(
                    "pair:text:what is compared",
                    "kl:number:nats per token",
                    "relative_difference:number:of the next token's probability",
                    "total_variation:number:half the sum of |p - q|",
                    "logit_distance:number:root mean square of centred logits",
                    "agreement:number:share of positions with the same likeliest token");
            for (int i = 0; i < names.size(); i++) {
                Effect e = effects.get(i);
                table.row(names.get(i), e.kl(), e.relative(), e.difference(), e.distance(), e.agreement());
            }
            Effect twins = effects.get(2);
            double own = (effects.get(0).kl() + effects.get(1).kl()) / 2;
            return new Finding(
                    "With one or the other SAE in place the model differs by " + Numbers.short3(twins.kl())
                            + " nats, against " + Numbers.short3(own) + " from the model itself; "
                            + Fmt.percent(twins.agreement()) + " of the likeliest tokens agree.",
                    Map.of(
                            "kl_twins", twins.kl(),
                            "kl_model", own,
                            "relative_difference", twins.relative(),
                            "agreement", twins.agreement()),
                    table,
                    List.of());
        }
    }
}
