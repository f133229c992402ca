package dev.loupe.ui;

import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.Section;
import dev.loupe.feature.FeatureDetail;
import dev.loupe.feature.TokenLogit;
import dev.loupe.service.LogitEffects;
import dev.loupe.service.Workbench;
import dev.loupe.ui.element.BarRows;
import dev.loupe.ui.element.Histogram;
import java.util.List;
import java.util.Map;

/** What a latent does to the next token: the tokens it promotes and suppresses most, and the logits of all of them. */
final class FeatureLogits extends Section {
    private static final int SHOWN = 8;

    private final FeatureDetail feature;
    private final BarRows promoted = new BarRows();
    private final BarRows suppressed = new BarRows();
    private final Div all = Kit.div("gap");

    FeatureLogits(Workbench workbench, String sae, FeatureDetail feature) {
        this.feature = feature;
        addClassName("card");
        add(Kit.heading("What it promotes", "logit lens, final norm folded"));
        if (feature.promoted().isEmpty()) {
            add(Kit.text("dim", "The SAE does not write into the residual stream, so the unembedding does not apply."));
            return;
        }
        fill(Map.of());
        add(Kit.div("two keep", promoted, suppressed), all);
        addAttachListener(e -> {
            e.unregisterListener();
            Background.run(
                    this,
                    () -> workbench.closeUps().logits(sae, feature.summary().id()),
                    this::show,
                    sentence -> all.add(Kit.text("faint", sentence)));
        });
    }

    private void fill(Map<Integer, String> bytes) {
        double top = Math.max(largest(feature.promoted()), largest(feature.suppressed()));
        fill(promoted, feature.promoted(), BarRows.Tone.POS, top, bytes);
        fill(suppressed, feature.suppressed(), BarRows.Tone.NEG, top, bytes);
    }

    private static void fill(
            BarRows rows, List<TokenLogit> logits, BarRows.Tone tone, double top, Map<Integer, String> bytes) {
        rows.set(
                tone,
                true,
                logits.stream().limit(SHOWN).map(l -> row(l, top, bytes)).toList(),
                "No token.");
    }

    private static BarRows.Row row(TokenLogit l, double top, Map<Integer, String> bytes) {
        String part = bytes.get(l.token());
        String value = Num.signed(l.value(), 2);
        double share = top > 0 ? Math.abs(l.value()) / top : 0;
        return part == null
                ? BarRows.Row.token(l.text(), value, share)
                : new BarRows.Row(
                        "",
                        "⟨" + part + "⟩",
                        null,
                        null,
                        value,
                        share,
                        "token " + l.token() + ": bytes that are only part of a character");
    }

    private static double largest(List<TokenLogit> logits) {
        return logits.stream().mapToDouble(l -> Math.abs(l.value())).max().orElse(0);
    }

    private void show(LogitEffects e) {
        if (!e.bytes().isEmpty()) {
            fill(e.bytes());
        }
        Histogram h = new Histogram();
        h.set(new Histogram.Data(
                e.counts(), e.from(), e.to(), true, false, "tokens of the vocabulary", "accent", 90, null, false));
        Div moments = Kit.div(
                "faint",
                Kit.text("skewness " + Num.fixed(e.skewness(), 2) + " · kurtosis " + Num.fixed(e.kurtosis(), 1)));
        moments.setTitle("of the logits of all tokens; a normal distribution has 0 and 3: a large kurtosis says that a"
                + " few tokens stand out, so that the latent speaks about what comes next");
        all.add(h, moments);
    }
}
