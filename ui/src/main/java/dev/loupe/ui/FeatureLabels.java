package dev.loupe.ui;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.NativeButton;
import com.vaadin.flow.component.html.NativeDetails;
import com.vaadin.flow.component.html.Section;
import com.vaadin.flow.component.html.Span;
import dev.loupe.feature.FeatureDetail;
import dev.loupe.feature.LabelCandidate;
import dev.loupe.service.Explanation;
import dev.loupe.service.Workbench;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Everything that may be said about a latent, by rules or in prose, each with how far to trust it on held-out text. */
final class FeatureLabels extends Section {
    private final Workbench workbench;
    private final String sae;
    private final int id;
    private final UiProgress progress = new UiProgress();
    private final Div prose = Kit.div("says");
    private final Span outcome = Kit.text("faint", "");

    FeatureLabels(Workbench workbench, String sae, FeatureDetail f) {
        this.workbench = workbench;
        this.sae = sae;
        this.id = f.summary().id();
        addClassName("card");
        setId("labels");
        add(Kit.heading("What may be said", "held-out scores; 0.5 is chance"));
        List<LabelCandidate> rules = f.labels().stream()
                .sorted(Comparator.comparingDouble((LabelCandidate c) -> -least(c.balancedAccuracy())))
                .toList();
        Div all = Kit.div("says");
        rules.forEach(c -> all.add(rule(c)));
        if (rules.isEmpty()) {
            all.add(Kit.text(
                    "dim",
                    f.summary().dead() ? "It never fires." : "No rule says anything about it, or its index is older."));
        }
        prose.getElement().setAttribute("aria-live", "polite");
        outcome.getElement().setAttribute("role", "status");
        add(all, prose, asking(f));
        showProse();
        addDetachListener(e -> progress.stop());
    }

    private static double least(@Nullable Double score) {
        return score == null ? -1 : score;
    }

    /** A rule: what it says, its scores, and the rule in full behind a click. */
    private static Component rule(LabelCandidate c) {
        Div scores = Kit.div("line tight num dim");
        score(scores, c.balancedAccuracy(), "accuracy", "balanced accuracy on held-out tokens: 0.5 is chance");
        score(scores, c.correlation(), "correlation", "of predicted and true activation over all held-out tokens");
        score(scores, c.precision(), "precision", "share of held-out tokens under the rule on which it fires");
        score(scores, c.recall(), "recall", "share of its held-out firings that the rule covers");
        if (c.coverage() != null) {
            scores.add(titled(
                    "covers " + Num.percent(c.coverage()),
                    "share of its activation on held-out text that the rule covers"));
        }
        Div says = Kit.div("", Kit.div("line tight", Kit.text(c.text()), Kit.text("faint", c.kind())), scores);
        if (!c.patterns().isEmpty()) {
            Div patterns = Kit.div("mono wrap faint");
            c.patterns().forEach(p -> patterns.add(Kit.div("", Kit.text(p))));
            NativeDetails rule = new NativeDetails("the rule", patterns);
            rule.addClassName("faint");
            says.add(rule);
        }
        return says;
    }

    private static void score(Div into, @Nullable Double value, String name, String meaning) {
        if (value != null) {
            into.add(titled(name + " " + Num.fixed(value, 2), meaning));
        }
    }

    private static Span titled(String text, String title) {
        Span s = Kit.text(text);
        s.setTitle(title);
        return s;
    }

    /** What language models and other programs say. */
    private void showProse() {
        prose.removeAll();
        for (Explanation e : workbench.notes().explanations(sae, id)) {
            Div scores = Kit.div("line tight num dim");
            score(
                    scores,
                    e.detection(),
                    "detection",
                    "balanced accuracy of finding held-out texts by this explanation");
            score(
                    scores,
                    e.fuzzing(),
                    "fuzzing",
                    "balanced accuracy of telling right marks in such texts from wrong ones");
            prose.add(Kit.div(
                    "",
                    Kit.div(
                            "line tight",
                            Kit.text(e.text()),
                            Kit.text("faint", e.author().isEmpty() ? e.kind() : e.author())),
                    scores));
        }
    }

    /** The button that asks a language model, or how to have one. */
    private Component asking(FeatureDetail f) {
        Optional<String> model = workbench.prose().model();
        if (model.isEmpty()) {
            Span off = Kit.text("faint", "Labels in prose are off.");
            off.setTitle("Start the server with LOUPE_LABEL_URL and LOUPE_LABEL_MODEL naming an OpenAI-compatible"
                    + " service (LOUPE_LABEL_KEY if it wants a key)");
            return Kit.div("gap", off);
        }
        NativeButton ask = new NativeButton("Ask " + model.get());
        ask.addClassNames("btn", "small");
        ask.getElement().setAttribute("type", "button");
        ask.setId("ask");
        ask.setTitle("Sends examples of this feature to the service that the settings name, and asks it about held-out"
                + " texts to score what it says");
        ask.setEnabled(!f.examples().isEmpty());
        ask.addClickListener(e -> {
            ask.setEnabled(false);
            outcome.removeClassName("bad");
            outcome.setText("Asking…");
            Background.run(
                    this,
                    () -> workbench.prose().explain(sae, id, progress),
                    said -> {
                        ask.setEnabled(true);
                        outcome.setText("");
                        showProse();
                    },
                    sentence -> {
                        ask.setEnabled(true);
                        outcome.addClassName("bad");
                        outcome.setText(sentence);
                    });
        });
        return Kit.div("line gap", ask, outcome);
    }
}
