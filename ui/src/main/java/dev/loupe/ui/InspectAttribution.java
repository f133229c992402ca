package dev.loupe.ui;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.html.Div;
import dev.loupe.inspect.LogitAttribution;
import dev.loupe.inspect.LogitPart;
import dev.loupe.service.SaeView;
import dev.loupe.ui.element.BarRows;
import dev.loupe.ui.element.TokenText;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What adds up to one logit: layers in their order, heads and latents by how much they add. */
final class InspectAttribution {
    private static final int MOST = 16;

    private InspectAttribution() {}

    static Component draw(InspectView view, LogitAttribution a, List<SaeView> saes, Map<Integer, String> labels) {
        TokenText text = new TokenText();
        text.set(new TokenText.Data(
                a.text().tokens(), marked(a.text().tokens().size(), a.position()), 1, 0, null, null, null));
        text.onPick(p -> view.change("position", String.valueOf(p)));
        Map<String, String> names = new LinkedHashMap<>();
        names.put("", "no SAE");
        saes.forEach(s -> names.put(s.name(), s.name()));
        String chosen = names.containsKey(view.state("sae")) ? view.state("sae") : "";
        Fields.Choice sae = new Fields.Choice(names, chosen, s -> view.change("sae", s));
        sae.getElement().setAttribute("aria-label", "SAE whose latents are told apart");
        String what = "“" + a.token().text() + "”"
                + (a.versus() == null ? "" : " minus “" + a.versus().text() + "”");
        Div head = Kit.div(
                "",
                Kit.heading(
                        "What adds up to the logit of " + what,
                        "direct effects; the last norm's division taken as it came out"),
                text,
                Kit.div(
                        "facts gap",
                        Kit.fact(Num.signed(a.total(), 2), "logit", "in front of any soft cap: the sum of the layers"),
                        Kit.fact(
                                Num.percent(a.token().probability()),
                                "probability of “" + a.token().text() + "”",
                                "after this position"),
                        Kit.fact(
                                String.valueOf(a.position()),
                                "position",
                                "click another token, or walk with the arrow keys"),
                        Kit.div("end field", sae)),
                Kit.text("faint", a.note()));
        Div columns = Kit.div("cols even");
        columns.add(
                Kit.card(Kit.heading("Layers", "in order; they add up to the logit"), bars(a.layers(), "", Map.of())));
        Div right = Kit.div("stack");
        if (!a.latents().isEmpty()) {
            right.add(Kit.card(
                    Kit.heading(
                            "Latents of " + chosen, "largest first; with bias and error they add up to the hook point"),
                    bars(largest(a.latents()), chosen, labels)));
        }
        right.add(Kit.card(
                Kit.heading("Heads", "largest first"),
                a.heads().isEmpty()
                        ? Kit.text("dim", "This family norms the sum of its heads, so that they cannot be told apart.")
                        : bars(largest(a.heads()), "", Map.of())));
        columns.add(right);
        return Kit.div("stack", InspectParts.card(a.text(), head), columns);
    }

    private static float[] marked(int n, int position) {
        float[] values = new float[n];
        values[position] = 1;
        return values;
    }

    private static List<LogitPart> largest(List<LogitPart> parts) {
        return parts.stream()
                .sorted(Comparator.comparingDouble((LogitPart p) -> -Math.abs(p.value())))
                .limit(MOST)
                .toList();
    }

    private static BarRows bars(List<LogitPart> parts, String sae, Map<Integer, String> labels) {
        double top = parts.stream().mapToDouble(p -> Math.abs(p.value())).max().orElse(0);
        List<BarRows.Row> rows = new ArrayList<>();
        for (LogitPart p : parts) {
            boolean latent = !sae.isEmpty() && p.kind().equals("latent");
            rows.add(new BarRows.Row(
                    latent ? String.valueOf(p.index()) : p.name(),
                    null,
                    latent ? Links.feature(sae, p.index()) : null,
                    latent ? labels.get(p.index()) : null,
                    Num.signed(p.value(), 3),
                    top > 0 ? Math.abs(p.value()) / top : 0,
                    p.name()));
        }
        return new BarRows().set(BarRows.Tone.SIGNED, false, rows, "Nothing.");
    }
}
