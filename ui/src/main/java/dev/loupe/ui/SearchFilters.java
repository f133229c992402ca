package dev.loupe.ui;

import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.Input;
import dev.loupe.feature.FeatureGroup;
import dev.loupe.feature.FeatureSummary;
import dev.loupe.service.FeatureQuery;
import dev.loupe.service.Workbench;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.BiConsumer;
import java.util.stream.Stream;

/** What to search for, where, and which features may be found. */
final class SearchFilters extends Div {
    private static final List<String> DENSITIES = List.of("0.001", "0.01", "0.1");
    private static final List<String> SCORES = List.of("0.7", "0.8", "0.9");

    /** What narrows a search, as the address names it. */
    static final List<String> KEYS = List.of("sae", "lang", "group", "seeds", "dense", "score");

    private final Map<String, String> state;
    private final BiConsumer<String, String> set;
    private final boolean seeds;

    /**
     * Makes the fields.
     *
     * @param state what the address says; read only
     * @param set gets a key of the state and its new value
     */
    SearchFilters(
            Workbench workbench, List<String> indexed, Map<String, String> state, BiConsumer<String, String> set) {
        this.state = state;
        this.set = set;
        boolean regex = is("by").equals("regex");
        Input text = Fields.line(is("q"));
        text.setId("search-q");
        text.setAriaLabel(regex ? "Regular expression on tokens" : "Words to search for");
        text.setPlaceholder(
                regex
                        ? "A regular expression, for example ^ ?[0-9]+$"
                        : "A word, a token, a rule, a promoted token, or a feature's number");
        text.getElement()
                .addEventListener(
                        "input",
                        e -> set.accept(
                                "q", e.getEventData().path("element.value").asString("")))
                .addEventData("element.value")
                .debounce(200);
        if (regex) {
            text.addClassName("mono");
        }
        seeds = indexed.stream().anyMatch(s -> workbench.compare().stability(s).isPresent());
        Map<String, String> scopes = new LinkedHashMap<>();
        scopes.put("", "all SAEs");
        indexed.forEach(i -> scopes.put(i, i));
        Div narrow = Kit.div(
                "filters gap",
                choice("lang", "Language it fires on most", languages(workbench, indexed)),
                choice("group", "Kind of feature", groups()),
                choice("dense", "Share of tokens it fires on", bounds("dense", DENSITIES, "any density")),
                choice("score", "Held-out score of its label", bounds("score", SCORES, "any label score")));
        if (seeds) {
            Map<String, String> found = new LinkedHashMap<>();
            found.put("", "any seeds");
            found.put("all", "in all seeds");
            found.put("some", "in some seeds");
            found.put("none", "in its seed only");
            narrow.add(choice("seeds", "Found in other seeds", found));
        }
        add(Kit.div("filters", text, choice("sae", "Where to search", scopes)), narrow);
    }

    private String is(String key) {
        return state.getOrDefault(key, "");
    }

    private Fields.Choice choice(String key, String what, Map<String, String> all) {
        Fields.Choice c = new Fields.Choice(all, all.containsKey(is(key)) ? is(key) : "", v -> set.accept(key, v));
        c.setId("search-" + key);
        c.getElement().setAttribute("aria-label", what);
        c.getElement().setAttribute("title", what);
        return c;
    }

    private static Map<String, String> languages(Workbench workbench, List<String> indexed) {
        TreeSet<String> labels = new TreeSet<>();
        indexed.forEach(i -> workbench.features().index(i).all().stream()
                .map(FeatureSummary::topLabel)
                .forEach(labels::add));
        Map<String, String> all = new LinkedHashMap<>();
        all.put("", "all languages");
        labels.stream().filter(l -> !l.isEmpty()).forEach(l -> all.put(l, Num.language(l)));
        return all;
    }

    private static Map<String, String> groups() {
        Map<String, String> all = new LinkedHashMap<>();
        all.put("", "all kinds");
        Stream.of(FeatureGroup.values()).forEach(g -> all.put(g.key(), g.title()));
        return all;
    }

    /** The usual bounds, and the one of the address if that is another. */
    private Map<String, String> bounds(String key, List<String> usual, String none) {
        List<String> values = new ArrayList<>(usual);
        if (number(is(key), -1) > 0 && !values.contains(is(key))) {
            values.add(is(key));
        }
        Map<String, String> all = new LinkedHashMap<>();
        all.put("", none);
        for (String v : values) {
            double bound = number(v, 0);
            all.put(v, key.equals("dense") ? "density ≤ " + Num.percent(bound) : "label ≥ " + Num.fixed(bound, 2));
        }
        return all;
    }

    private static double number(String text, double otherwise) {
        try {
            double v = Double.parseDouble(text);
            return v >= 0 && v <= 1 ? v : otherwise;
        } catch (NumberFormatException e) {
            return otherwise;
        }
    }

    /** Whether anything narrows the search. */
    boolean any() {
        return KEYS.stream().anyMatch(k -> !is(k).isEmpty());
    }

    /** Which features may be found; what the address says and nobody understands counts for nothing. */
    FeatureQuery query() {
        String group = Stream.of(FeatureGroup.values()).anyMatch(g -> g.key().equals(is("group"))) ? is("group") : "";
        return FeatureQuery.all()
                .dense(0, number(is("dense"), 1))
                .scored(number(is("score"), 0))
                .grouped(group)
                .filtered("", is("lang"))
                .inSeeds(seeds && FeatureQuery.SEEDS.contains(is("seeds")) ? is("seeds") : "");
    }
}
