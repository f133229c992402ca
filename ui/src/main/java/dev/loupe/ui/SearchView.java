package dev.loupe.ui;

import com.vaadin.flow.component.UI;
import com.vaadin.flow.component.html.Section;
import com.vaadin.flow.router.BeforeEnterEvent;
import com.vaadin.flow.router.BeforeEnterObserver;
import com.vaadin.flow.router.QueryParameters;
import com.vaadin.flow.router.Route;
import dev.loupe.service.Workbench;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The ways to find features: words, a regular expression on tokens, a text that they fire on, likeness to one. */
@Route("search")
public final class SearchView extends Page implements BeforeEnterObserver {
    /** What the address keeps. */
    private static final List<String> KEPT =
            List.of("by", "q", "sae", "lang", "group", "seeds", "dense", "score", "text", "pick", "id", "other");

    private static final Map<String, String> WAYS = new LinkedHashMap<>();

    static {
        WAYS.put("", "words");
        WAYS.put("regex", "regular expression");
        WAYS.put("text", "a text");
        WAYS.put("like", "likeness");
    }

    private final Workbench workbench;
    private final Map<String, String> state = new LinkedHashMap<>();

    SearchView(Workbench workbench) {
        this.workbench = workbench;
    }

    @Override
    public void beforeEnter(BeforeEnterEvent event) {
        QueryParameters all = event.getLocation().getQueryParameters();
        KEPT.forEach(k -> state.put(k, parameter(all, k)));
        if (!WAYS.containsKey(is("by"))) {
            state.put("by", "");
        }
        removeAll();
        titled("Search");
        List<String> indexed = workbench.features().indexed();
        if (indexed.isEmpty()) {
            add(Kit.empty(
                    "Nothing to search yet",
                    "A search looks through feature indexes, and there is none.",
                    "loupe demo"));
            return;
        }
        if (!indexed.contains(is("sae"))) {
            state.put("sae", "");
        }
        switch (is("by")) {
            case "text" -> byText(indexed);
            case "like" -> {
                titled("Like a feature");
                add(head("Features like another"), new SearchLike(workbench, indexed, state, this::remember));
            }
            case "regex" -> {
                titled(is("q").isBlank() ? "Regular expression" : is("q"));
                add(head("Tokens by regular expression"), words(indexed));
            }
            default -> {
                titled(is("q").isBlank() ? "Search" : "“" + is("q") + "”");
                add(head("Search"), words(indexed));
            }
        }
    }

    private String is(String key) {
        return state.getOrDefault(key, "");
    }

    private void remember(String key, String value) {
        state.put(key, value);
        remember(UI.getCurrent(), "search", state);
    }

    private SearchWords words(List<String> indexed) {
        return new SearchWords(workbench, indexed, state, this::remember);
    }

    private Section head(String title) {
        Fields.Tabs ways = new Fields.Tabs(WAYS, is("by"), this::go);
        ways.getElement().setAttribute("aria-label", "How to search");
        ways.addClassName("gap");
        return Kit.card(Kit.title(title), ways);
    }

    /** Another way to search; what both ways understand is kept. */
    private void go(String by) {
        Map<String, String> kept = new LinkedHashMap<>();
        kept.put("by", by);
        kept.put("sae", is("sae"));
        if (by.isEmpty() || by.equals("regex")) {
            List.of("q", "lang", "group", "seeds", "dense", "score").forEach(k -> kept.put(k, is(k)));
        } else if (by.equals("text")) {
            kept.put("text", is("text").isEmpty() && !is("by").equals("regex") ? is("q") : is("text"));
        } else {
            kept.put("id", is("id"));
        }
        getUI().ifPresent(ui -> ui.navigate("search", query(kept)));
    }

    private void byText(List<String> indexed) {
        titled("Features of a text");
        if (is("sae").isEmpty()) {
            state.put("sae", indexed.getFirst());
        }
        Fields.Choice scope = Fields.Choice.of(indexed, is("sae"), v -> {
            state.put("sae", v);
            state.put("pick", "");
            getUI().ifPresent(ui -> ui.navigate("search", query(state)));
        });
        scope.getElement().setAttribute("aria-label", "SAE");
        Section head = head("Features of a text");
        head.add(Kit.div("scope gap", scope));
        add(head, new SearchText(workbench, is("sae"), is("text"), is("pick"), this::remember));
    }
}
