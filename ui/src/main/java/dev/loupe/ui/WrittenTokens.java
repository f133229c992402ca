package dev.loupe.ui;

import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.Section;
import dev.loupe.service.ActiveFeature;
import dev.loupe.steer.SteerResult.StreamToken;
import dev.loupe.ui.element.BarRows;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** What there is to say about a token that a model wrote beside another model: when pointed at, and when chosen. */
final class WrittenTokens {
    private static final int ALTERNATIVES = 6;
    private static final int HOVERED = 4;

    private WrittenTokens() {}

    /** The words of its tooltip; {@code active} is null while nobody knows which features were active. */
    static String title(StreamToken t, @Nullable List<ActiveFeature> active) {
        return "KL " + Num.fixed(t.kl(), 3) + " nats · p " + Num.fixed(Math.exp(t.logprob()), 4) + ", under the other "
                + Num.fixed(Math.exp(t.otherLogprob()), 4) + "\nor "
                + t.alternatives().stream()
                        .limit(HOVERED)
                        .map(a -> "“" + a.token() + "” " + Num.fixed(a.p(), 3))
                        .collect(Collectors.joining(", "))
                + (active == null ? "" : "\nactive " + words(active));
    }

    private static String words(List<ActiveFeature> active) {
        return active.isEmpty()
                ? "none"
                : active.stream()
                        .limit(HOVERED)
                        .map(f -> f.id() + " " + f.label() + " " + Num.activation(f.value()))
                        .collect(Collectors.joining(", "));
    }

    /**
     * Fills a card with a token's alternatives under both models and the features that were active there.
     *
     * @param mine the model that wrote it, in words
     * @param other the other one
     */
    static void show(
            Section card, StreamToken t, @Nullable List<ActiveFeature> active, String sae, String mine, String other) {
        card.removeAll();
        List<BarRows.Row> rows = t.alternatives().stream()
                .limit(ALTERNATIVES)
                .map(a -> BarRows.Row.token(a.token(), Num.fixed(a.p(), 3), a.p()))
                .toList();
        List<BarRows.Row> others = t.alternatives().stream()
                .limit(ALTERNATIVES)
                .map(a -> BarRows.Row.token(a.token(), Num.fixed(a.otherP(), 3), a.otherP()))
                .toList();
        card.add(
                Kit.heading(
                        "“" + t.token().strip() + "”",
                        "p " + Num.fixed(Math.exp(t.logprob()), 4) + " " + mine + ", "
                                + Num.fixed(Math.exp(t.otherLogprob()), 4) + " " + other),
                Kit.div(
                        "two",
                        new Div(Kit.text("faint", mine), new BarRows().set(BarRows.Tone.POS, false, rows, "")),
                        new Div(Kit.text("faint", other), new BarRows().set(BarRows.Tone.NEG, false, others, ""))));
        if (active != null) {
            card.add(active(active, sae));
        }
    }

    private static Div active(List<ActiveFeature> active, String sae) {
        double most = active.stream().mapToDouble(ActiveFeature::value).max().orElse(1);
        List<BarRows.Row> rows = active.stream()
                .map(f -> BarRows.Row.link(
                        String.valueOf(f.id()),
                        Links.feature(sae, f.id()),
                        f.label(),
                        Num.activation(f.value()),
                        f.value() / most))
                .toList();
        return Kit.div(
                "gap",
                Kit.text("faint", "features of " + sae + " active there"),
                new BarRows().set(BarRows.Tone.ACT, false, rows, "No feature is active there."));
    }
}
