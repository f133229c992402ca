package dev.loupe.ui;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.router.BeforeEnterEvent;
import com.vaadin.flow.router.BeforeEnterObserver;
import com.vaadin.flow.router.QueryParameters;
import com.vaadin.flow.router.Route;
import dev.loupe.feature.Example;
import dev.loupe.feature.FeatureSummary;
import dev.loupe.service.FeatureHit;
import dev.loupe.service.Workbench;
import dev.loupe.ui.element.TokenText;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Features found by number, label, token or text, over all SAEs or one. */
@Route("search")
public final class SearchView extends Page implements BeforeEnterObserver {
    private static final int MOST = 60;

    private final Workbench workbench;

    SearchView(Workbench workbench) {
        this.workbench = workbench;
    }

    @Override
    public void beforeEnter(BeforeEnterEvent event) {
        QueryParameters all = event.getLocation().getQueryParameters();
        String q = parameter(all, "q").strip();
        String sae = parameter(all, "sae");
        titled(q.isEmpty() ? "Search" : "“" + q + "”");
        removeAll();
        List<String> indexed = workbench.features().indexed();
        if (indexed.isEmpty()) {
            add(Kit.empty(
                    "Nothing to search yet",
                    "A search looks through feature indexes, and there is none.",
                    "loupe demo"));
            return;
        }
        Map<String, String> scopes = new LinkedHashMap<>();
        scopes.put("", "all SAEs");
        indexed.forEach(i -> scopes.put(i, i));
        Fields.Choice scope = new Fields.Choice(
                scopes,
                scopes.containsKey(sae) ? sae : "",
                v -> getUI().ifPresent(ui -> ui.navigate("search", query(Map.of("q", q, "sae", v)))));
        scope.getElement().setAttribute("aria-label", "Where to search");
        Div how = Kit.div("scope end", scope);
        String by = parameter(all, "by");
        if (by.equals("text")) {
            byText(indexed, scopes.containsKey(sae) && !sae.isEmpty() ? sae : indexed.getFirst(), all);
            return;
        }
        if (q.isEmpty()) {
            add(Kit.card(
                    Kit.div("line", Kit.title("Search"), how),
                    Kit.text("dim", "Press / and type a word, a token or a feature's number."),
                    Kit.div("gap", Kit.linkButton("/search?by=text", "Which features fire on a text?", ""))));
            return;
        }
        List<FeatureHit> hits = workbench.features().search(q, sae.isEmpty() ? null : sae, MOST);
        add(Kit.card(Kit.div(
                "line base",
                Kit.title("“" + q + "”"),
                Kit.link("/search?by=text&text=" + Links.encode(q), "which features fire on it?"),
                Kit.text("dim", hits.size() == MOST ? "the best " + MOST : Num.count(hits.size(), "feature")),
                how)));
        if (hits.isEmpty()) {
            add(Kit.card(Kit.text("dim", "No label, token or example text holds this.")));
            return;
        }
        Div list = new Div();
        hits.forEach(h -> list.add(row(h)));
        add(Kit.card(list));
    }

    private void byText(List<String> indexed, String sae, QueryParameters all) {
        Map<String, String> state = new LinkedHashMap<>();
        state.put("by", "text");
        state.put("sae", sae);
        state.put("text", parameter(all, "text"));
        state.put("pick", parameter(all, "pick"));
        titled("Features of a text");
        Map<String, String> names = new LinkedHashMap<>();
        indexed.forEach(i -> names.put(i, i));
        Fields.Choice scope = new Fields.Choice(names, sae, v -> {
            state.put("sae", v);
            state.put("pick", "");
            getUI().ifPresent(ui -> ui.navigate("search", query(state)));
        });
        scope.getElement().setAttribute("aria-label", "SAE");
        add(
                Kit.card(Kit.div(
                        "line base",
                        Kit.title("Features of a text"),
                        Kit.link("/search", "search by words"),
                        Kit.div("scope end", scope))),
                new SearchText(
                        workbench,
                        sae,
                        state.getOrDefault("text", ""),
                        state.getOrDefault("pick", ""),
                        (key, value) -> {
                            state.put(key, value);
                            getUI().ifPresent(ui -> remember(ui, "search", state));
                        }));
    }

    private static Component row(FeatureHit hit) {
        FeatureSummary f = hit.hit().summary();
        Div row = Kit.div(
                "hit",
                Kit.link(Links.feature(hit.sae(), f.id()), f.id() + " · " + f.label()),
                Kit.text("faint", hit.sae()),
                Kit.chip(hit.hit().where(), "", "where the search matched"),
                Kit.text("num dim", Num.percent(f.density())),
                Kit.text("dim", f.dead() ? "" : Num.language(f.topLabel())));
        Example e = hit.hit().example();
        if (e != null) {
            TokenText text = new TokenText();
            text.addClassName("hit-text");
            text.set(new TokenText.Data(e.tokens(), e.values(), f.max(), 0, null, null, null));
            row.add(text);
        }
        return row;
    }
}
