package dev.loupe.ui;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.Section;
import dev.loupe.feature.Example;
import dev.loupe.feature.FeatureSummary;
import dev.loupe.feature.SearchHit;
import dev.loupe.service.FeatureHit;
import dev.loupe.service.FeatureQuery;
import dev.loupe.service.FeatureSearch;
import dev.loupe.service.Workbench;
import dev.loupe.ui.element.TokenText;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;

/** Features found by words or by a regular expression, as one types; without either, those with most to find out. */
final class SearchWords extends Section {
    private static final int MOST = 60;

    /** Expressions to begin with. */
    private static final Map<String, String> EXPRESSIONS = new LinkedHashMap<>();

    static {
        EXPRESSIONS.put("^ ?[0-9]+$", "numbers");
        EXPRESSIONS.put("^ ?\\p{Lu}\\p{L}+$", "capitalised words");
        EXPRESSIONS.put("^\\p{P}+$", "punctuation");
        EXPRESSIONS.put("[äöüß]", "German letters");
        EXPRESSIONS.put("(?i)^ ?(not|nicht|ne|no)$", "one of several words");
    }

    private final Workbench workbench;
    private final List<String> indexed;
    private final Map<String, String> state;
    private final SearchFilters filters;
    private final Div results = Kit.div("gap");
    private int asked;

    SearchWords(
            Workbench workbench, List<String> indexed, Map<String, String> state, BiConsumer<String, String> remember) {
        this.workbench = workbench;
        this.indexed = indexed;
        this.state = state;
        addClassName("card");
        results.setId("search-results");
        results.getElement().setAttribute("aria-live", "polite");
        filters = new SearchFilters(workbench, indexed, state, (key, value) -> {
            remember.accept(key, value);
            show();
        });
        add(filters, results);
        show();
    }

    private String is(String key) {
        return state.getOrDefault(key, "");
    }

    private boolean regex() {
        return is("by").equals("regex");
    }

    private void show() {
        int mine = ++asked;
        String q = regex() ? is("q") : is("q").strip();
        if (q.isBlank() && regex()) {
            results.removeAll();
            results.add(expressions());
            return;
        }
        FeatureQuery filter = filters.query();
        String sae = is("sae");
        results.getElement().setAttribute("aria-busy", "true");
        if (results.getElement().getChildCount() == 0) {
            results.add(Kit.text("faint", "Searching…"));
        }
        Background.run(
                this,
                () -> q.isBlank() ? contextual(sae, filter) : found(q, sae, filter),
                hits -> ifLast(mine, () -> show(q, hits)),
                sentence -> ifLast(
                        mine,
                        () -> { // an expression half typed, an index that is damaged
                            results.removeAll();
                            results.add(Kit.div("bad", Kit.text(sentence)));
                        }));
    }

    /** What came late for a question that nobody asks any more is dropped. */
    private void ifLast(int which, Runnable what) {
        if (which == asked) {
            results.getElement().removeAttribute("aria-busy");
            what.run();
        }
    }

    private void show(String q, List<FeatureHit> hits) {
        results.removeAll();
        if (hits.isEmpty()) {
            results.add(nothing(q));
            return;
        }
        String count = hits.size() == MOST ? "the best " + MOST : Num.count(hits.size(), "feature");
        results.add(
                q.isBlank()
                        ? Kit.heading("Most contextual", "what the token alone does not explain × trust in the label")
                        : Kit.heading("“" + q + "”", count));
        Div list = new Div();
        hits.forEach(h -> list.add(row(h)));
        results.add(list);
    }

    private List<FeatureHit> found(String q, String sae, FeatureQuery filter) {
        return workbench
                .search()
                .find(
                        q,
                        regex() ? FeatureSearch.By.REGEX : FeatureSearch.By.WORDS,
                        sae.isEmpty() ? null : sae,
                        filter,
                        MOST);
    }

    /** With nothing to look for: what there is most to find out about, within the filters. */
    private List<FeatureHit> contextual(String scope, FeatureQuery filter) {
        List<FeatureHit> all = new ArrayList<>();
        for (String sae : scope.isEmpty() ? workbench.features().ofTheModels() : List.of(scope)) {
            workbench
                    .features()
                    .list(sae, filter.sortedBy("contextual", true).page(0, MOST))
                    .features()
                    .forEach(f -> all.add(new FeatureHit(sae, new SearchHit(f, "", f.contextual(), null))));
        }
        all.sort(Comparator.comparingDouble(h -> -h.hit().score()));
        return all.subList(0, Math.min(MOST, all.size()));
    }

    private static Div expressions() {
        Div all = Kit.div(
                "",
                Kit.div(
                        "dim",
                        Kit.text("Finds features by the tokens that carry most of their activation, a leading space"
                                + " included. Begin with one of these:")));
        EXPRESSIONS.forEach((expression, what) -> {
            var link = Kit.link("/search?by=regex&q=" + Links.encode(expression), expression);
            link.addClassName("mono");
            all.add(Kit.div("line tight gap", link, Kit.text("dim", what)));
        });
        return all;
    }

    private Div nothing(String q) {
        Div all = Kit.div(
                "dim",
                Kit.div(
                        "",
                        Kit.text(
                                q.isBlank()
                                        ? "No feature passes these filters."
                                        : regex()
                                                ? "No feature has a token like this among those that carry most of its"
                                                        + " activation"
                                                        + (filters.any() ? ", within these filters." : ".")
                                                : "No label, token, rule, promoted token or example text holds all of"
                                                        + " this"
                                                        + (filters.any() ? ", within these filters." : "."))));
        Div ways = Kit.div("line tight gap");
        if (filters.any()) {
            ways.add(
                    Kit.linkButton("/search?by=" + is("by") + "&q=" + Links.encode(q), "without the filters", "small"));
        }
        if (!regex() && !q.isBlank()) {
            ways.add(Kit.linkButton("/search?by=text&text=" + Links.encode(q), "which features fire on it?", "small"));
        }
        all.add(ways);
        return all;
    }

    private static Component row(FeatureHit hit) {
        FeatureSummary f = hit.hit().summary();
        Div row = Kit.div(
                "hit",
                Kit.link(Links.feature(hit.sae(), f.id()), f.id() + " · " + f.label()),
                Kit.text("faint", hit.sae()));
        if (!hit.hit().where().isEmpty()) {
            row.add(where(hit.hit()));
        }
        Div facts = Kit.div(
                "line num dim",
                fact(Num.percent(f.density()) + " of tokens", "share of tokens on which it is active"),
                fact(f.dead() ? "" : Num.language(f.topLabel()), "the label of documents that it fires on most"),
                fact(
                        f.labelScore() == null ? "" : "label " + Num.fixed(f.labelScore(), 2),
                        "balanced accuracy of the label's rule on held-out tokens; 0.5 is chance"),
                fact(
                        f.tokenR2() == null ? "" : "token R² " + Num.fixed(f.tokenR2(), 2),
                        "held-out share of its variance that the current token alone predicts"));
        row.add(facts);
        Example e = hit.hit().example();
        if (e != null) {
            TokenText text = new TokenText();
            text.addClassName("hit-text");
            text.set(new TokenText.Data(e.tokens(), e.values(), f.max(), 0, null, null, null));
            row.add(text);
        }
        return row;
    }

    private static Component fact(String text, String title) {
        var s = Kit.text(text);
        s.setTitle(title);
        s.setVisible(!text.isEmpty());
        return s;
    }

    /** Where the search matched, as people say it. */
    private static Component where(SearchHit hit) {
        return switch (hit.where()) {
            case "id" -> Kit.chip("number", "", "its number is what was looked for");
            case "label" -> Kit.chip("label", "", "its label holds the words");
            case "token" -> Kit.chip("token", "", "it fires on this token");
            case "rule" -> Kit.chip("rule", "", "one of the rules that label it holds the words");
            case "logit" -> Kit.chip("promotes", "", "it makes a token with these words more likely");
            case "explanation" -> Kit.chip("explanation", "", "what a language model or another program says about it");
            case "regex" ->
                Kit.chip(Num.percent(hit.score()) + " of its activation", "", "share of its activation on such tokens");
            default -> Kit.chip("example", "", "an example of its firing holds the words");
        };
    }
}
