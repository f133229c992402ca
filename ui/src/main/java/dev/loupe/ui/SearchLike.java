package dev.loupe.ui;

import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.Input;
import com.vaadin.flow.component.html.Section;
import dev.loupe.base.LoupeException;
import dev.loupe.feature.Coactive;
import dev.loupe.feature.FeatureSummary;
import dev.loupe.service.CrossNeighbour;
import dev.loupe.service.Workbench;
import dev.loupe.ui.element.BarRows;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;

/** The latents, of the same or another SAE, whose decoder rows are nearest to one's, with how often both fire. */
final class SearchLike extends Section {
    private static final int MOST = 40;

    private final Workbench workbench;
    private final Map<String, String> state;
    private final BiConsumer<String, String> remember;
    private final Div results = Kit.div("gap");

    SearchLike(
            Workbench workbench, List<String> indexed, Map<String, String> state, BiConsumer<String, String> remember) {
        this.workbench = workbench;
        this.state = state;
        this.remember = remember;
        addClassName("card");
        results.setId("search-like");
        results.getElement().setAttribute("aria-live", "polite");
        if (is("sae").isEmpty()) {
            state.put("sae", indexed.getFirst());
        }
        if (!indexed.contains(is("other"))) {
            state.put("other", is("sae"));
        }
        Input id = Fields.number(is("id"), "0", "", "1");
        id.setId("like-id");
        id.setPlaceholder("its number");
        id.addValueChangeListener(e -> set("id", e.getValue().strip()));
        Fields.Choice other = Fields.Choice.of(indexed, is("other"), v -> set("other", v));
        other.setId("like-other");
        add(
                Kit.div(
                        "options like",
                        Kit.field("feature of", Fields.Choice.of(indexed, is("sae"), v -> set("sae", v))),
                        Kit.field("number", id),
                        Kit.field("look in", other)),
                results);
        show();
    }

    private String is(String key) {
        return state.getOrDefault(key, "");
    }

    private void set(String key, String value) {
        remember.accept(key, value);
        show();
    }

    private void show() {
        results.removeAll();
        if (!is("id").matches("[0-9]{1,9}")) {
            results.add(Kit.text("dim", "Type the number of a feature, or come here from a feature's page."));
            return;
        }
        int id = Integer.parseInt(is("id"));
        String sae = is("sae");
        List<CrossNeighbour> near;
        try {
            near = workbench.search().neighbours(sae, id, is("other"), MOST);
            FeatureSummary f = workbench.features().index(sae).summary(id);
            results.add(Kit.div(
                    "line tight",
                    Kit.link(Links.feature(sae, id), id + " · " + f.label()),
                    Kit.text("faint", sae),
                    Kit.text("dim num", Num.percent(f.density()) + " of tokens")));
        } catch (LoupeException e) {
            results.add(Kit.text("bad", String.valueOf(e.getMessage())));
            return;
        }
        boolean together = near.stream().anyMatch(n -> n.overlap() != null);
        results.add(Kit.div(
                "gap",
                Kit.heading(
                        "Nearest in " + is("other"),
                        together ? "cosine of decoder · overlap of firings (Jaccard)" : "cosine of decoder")));
        BarRows bars = new BarRows()
                .set(
                        BarRows.Tone.ACCENT,
                        false,
                        near.stream().map(SearchLike::row).toList(),
                        "No other latent.");
        bars.addClassName("wide");
        results.add(bars);
        if (!together) {
            results.add(Kit.div(
                    "faint gap", Kit.text("How often both fire is known only where both indexes are of one store.")));
        }
    }

    private static BarRows.Row row(CrossNeighbour n) {
        Coactive o = n.overlap();
        String both = o == null
                ? ""
                : " · both fire on " + Num.whole(Math.round(o.rows())) + " tokens"
                        + (o.exact() ? ", counted" : " ± " + Num.whole(Math.round(o.error())));
        return new BarRows.Row(
                String.valueOf(n.id()),
                null,
                Links.feature(n.sae(), n.id()),
                n.label(),
                Num.fixed(n.cosine(), 2) + (o == null ? "" : " · " + Num.percent(o.jaccard())),
                Math.max(0, n.cosine()),
                n.id() + " " + n.label() + both);
    }
}
