package dev.loupe.ui;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.NativeButton;
import com.vaadin.flow.component.html.Section;
import dev.loupe.base.Progress;
import dev.loupe.feature.FeatureDetail;
import dev.loupe.inspect.AblationEffect;
import dev.loupe.service.Workbench;
import dev.loupe.ui.element.TokenText;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/** What the model loses on a text without this latent, worked out when it is asked for. */
final class FeatureAblation extends Section {
    private static final int POSITIONS = 4;
    private static final int TOKENS = 4;

    private final Workbench workbench;
    private final String sae;
    private final FeatureDetail feature;
    private final Supplier<String> typed;
    private final WorkMeter meter = new WorkMeter();
    private final Div outcome = Kit.div("");
    private final NativeButton run;

    /** Makes the card; {@code typed} is the text of the test box, the strongest example is taken if it is empty. */
    FeatureAblation(Workbench workbench, String sae, FeatureDetail feature, Supplier<String> typed) {
        this.workbench = workbench;
        this.sae = sae;
        this.feature = feature;
        this.typed = typed;
        addClassName("card");
        setId("ablation");
        run = Kit.button("Take it out", "small", this::start);
        run.setId("ablation-run");
        run.getElement()
                .setAttribute(
                        "title",
                        "Run the model with and without this feature, on the text of the test box or else on the strongest example");
        add(
                Kit.heading("Without it", "loss and logits when it alone is taken out; the SAE's error stays", run),
                meter,
                outcome);
        setVisible(!feature.examples().isEmpty());
    }

    private void start() {
        run.setEnabled(false);
        String text = typed.get().isBlank() ? strongest() : typed.get();
        Progress work = meter.begin();
        Background.run(
                this,
                () -> workbench.inspect().ablation(sae, feature.summary().id(), text, POSITIONS, work),
                e -> {
                    meter.end();
                    run.setEnabled(true);
                    show(e);
                },
                sentence -> {
                    meter.end();
                    run.setEnabled(true);
                    outcome.removeAll();
                    outcome.add(Kit.text("bad", sentence));
                });
    }

    /** The text up to and a little after the strongest token. */
    private String strongest() {
        return String.join("", feature.examples().getFirst().tokens());
    }

    private void show(AblationEffect e) {
        outcome.removeAll();
        Div note = InspectParts.cut(e.text());
        if (note != null) {
            outcome.add(note);
        }
        float top = 0;
        double sum = 0;
        for (float v : e.everywhere()) {
            top = Math.max(top, Math.abs(v));
            sum += v;
        }
        int predicted = Math.max(1, e.everywhere().length - 1);
        TokenText text = new TokenText();
        List<String> titles = new ArrayList<>();
        for (int i = 0; i < e.everywhere().length; i++) {
            titles.add("loss " + Num.fixed(e.loss()[i], 3) + ", without it " + Num.signed(e.everywhere()[i], 4)
                    + " nats · activation " + Num.activation(e.values()[i]));
        }
        text.set(new TokenText.Data(e.text().tokens(), e.everywhere(), top, 0, "nats", titles, null, true));
        outcome.add(
                Kit.facts(
                        Kit.fact(
                                Num.signed(sum / predicted, 4),
                                "nats of loss per token",
                                "mean over the tokens of this text, taken out wherever it fires"),
                        Kit.fact(Num.signed(top, 3), "largest change, nats", "of any one token")),
                Kit.div("gap", text));
        if (e.positions().isEmpty()) {
            outcome.add(Kit.text("dim", "It does not fire on this text."));
            return;
        }
        List<List<Component>> rows = new ArrayList<>();
        for (AblationEffect.AtPosition p : e.positions()) {
            rows.add(List.of(
                    Kit.text("tokchip", e.text().tokens().get(p.position())),
                    Kit.text(Num.activation(p.activation())),
                    Kit.text(Num.fixed(p.kl(), 4)),
                    changes(p.promoted()),
                    changes(p.suppressed())));
        }
        outcome.add(Kit.div(
                "gap",
                Kit.table(
                        List.of("taken out at", "activation", "KL, nats", "it promotes", "it suppresses"),
                        Set.of(1, 2),
                        rows)));
    }

    private static Component changes(List<AblationEffect.Change> changes) {
        return Kit.text(
                "mono wrap",
                changes.stream()
                        .limit(TOKENS)
                        .map(c -> c.text().replace(' ', '␣').replace('\n', '↵') + " " + Num.signed(c.effect(), 2))
                        .collect(Collectors.joining("  ")));
    }
}
