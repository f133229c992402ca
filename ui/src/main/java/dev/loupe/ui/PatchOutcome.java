package dev.loupe.ui;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.NativeButton;
import com.vaadin.flow.component.html.Section;
import dev.loupe.patch.Agreement;
import dev.loupe.patch.PatchResult;
import dev.loupe.ui.element.HeatMap;
import dev.loupe.ui.element.Scatter;
import dev.loupe.ui.element.TokenPair;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** The parts of the patching page that show a result. */
final class PatchOutcome {
    private static final int MOST_NODES = 40;

    private final Div pair = Kit.div("gap");
    private final Div facts = Kit.div("gap");
    private final Section maps = Kit.card();
    private final Div agreement = Kit.div("");
    private final Div nodes = Kit.div("");
    private String site = "";

    Component pair() {
        return pair;
    }

    Component facts() {
        return facts;
    }

    /** The heat maps and, below them, single neurons and latents. */
    Component maps() {
        return Kit.div("stack", maps, nodes);
    }

    /** How the scores agree with exact patching. */
    Component truth(NativeButton check) {
        return Kit.card(
                Kit.heading("Is it true?", "the largest cells and as many random ones"),
                agreement,
                Kit.div("gap", check));
    }

    /** Says that a result is on its way, if nothing is shown yet. */
    void waiting() {
        if (maps.getChildren().findAny().isEmpty()) {
            maps.add(Kit.text("dim", "Running…"));
        }
    }

    void clear() {
        pair.removeAll();
        facts.removeAll();
        maps.removeAll();
        agreement.removeAll();
        nodes.removeAll();
    }

    void show(PatchResult r) {
        clear();
        String answer = r.request().answer() == null ? "" : r.request().answer();
        String wrong = r.request().wrong() == null ? "" : r.request().wrong();
        TokenPair tokens = new TokenPair();
        tokens.set(new TokenPair.Data(List.of(
                new TokenPair.Row("clean", r.cleanTokens(), answer, "the answer"),
                new TokenPair.Row("corrupt", r.corruptTokens(), wrong, "the wrong answer"))));
        pair.add(tokens);
        facts.add(facts(r));
        maps(r, answer, wrong);
        verified(r);
        nodes(r);
    }

    private static Div facts(PatchResult r) {
        Div all = Kit.facts();
        if (r.cleanDifference() != null) {
            all.add(
                    Kit.fact(
                            Num.signed(r.cleanDifference(), 3),
                            "logit difference, clean",
                            "logit(answer) − logit(wrong) after the clean prompt"),
                    Kit.fact(Num.signed(r.corruptDifference(), 3), "corrupted", "the same after the corrupted prompt"));
        }
        if (r.pairs().size() > 1) {
            all.add(Kit.fact(
                    Num.count(r.pairs().size(), "pair"), "means over them", "the first pair's tokens are shown"));
        }
        all.add(
                Kit.fact(
                        Num.signed(r.cleanMetric() - r.corruptMetric(), 3),
                        r.unit() + " to explain",
                        "the metric of the clean run less that of the corrupted run"),
                Kit.fact(Num.fixed(r.seconds(), 2) + " s", cost(r), "time of the scores, without checking them"));
        return all;
    }

    private static String cost(PatchResult r) {
        return switch (r.request().method()) {
            case "relp", "atp", "atp_qk" ->
                "2 forwards + 1 backward" + (r.pairs().size() > 1 ? " a pair" : "");
            case "atp_drop", "atp_star" -> "one backward for each layer";
            case "ig" -> "forwards and backwards along the way";
            default -> "one forward for each cell";
        };
    }

    private void maps(PatchResult r, String answer, String wrong) {
        if (r.grids().isEmpty()) {
            return;
        }
        double max = r.grids().values().stream()
                .flatMap(Arrays::stream)
                .flatMapToDouble(Arrays::stream)
                .map(Math::abs)
                .max()
                .orElse(0);
        if (!r.grids().containsKey(site)) {
            site = r.grids().keySet().iterator().next();
        }
        Map<String, String> names = new LinkedHashMap<>();
        r.grids().keySet().forEach(s -> names.put(s, s.startsWith("sae:") ? s.substring(4) : s));
        HeatMap heat = new HeatMap();
        Fields.Tabs tabs = new Fields.Tabs(names, site, chosen -> {
            site = chosen;
            heat.set(map(r, chosen, max));
        });
        tabs.add(Kit.text("end faint only-wide", "one colour scale for all tabs"));
        heat.set(map(r, site, max));
        Div legend = Kit.div(
                "line faint gap",
                Kit.text("pushes to “" + wrong.strip() + "”"),
                Kit.text("scale", ""),
                Kit.text("pushes to “" + answer.strip() + "”"));
        maps.add(tabs, heat, legend);
    }

    private static HeatMap.Data map(PatchResult r, String site, double max) {
        double[][] grid = r.grids().getOrDefault(site, new double[0][]);
        PatchResult.Axes axes = r.axes().get(site);
        List<String> rows = new ArrayList<>();
        List<double[]> values = new ArrayList<>();
        for (int i = grid.length - 1; i >= 0; i--) {
            rows.add("L" + (axes == null ? i : axes.layers()[i]));
            values.add(grid[i]);
        }
        boolean heads = axes != null && axes.columns().equals("head");
        List<String> columns = heads && grid.length > 0
                ? IntStream.range(0, grid[0].length).mapToObj(h -> "head " + h).toList()
                : r.cleanTokens();
        return new HeatMap.Data(
                rows,
                columns,
                values.toArray(double[][]::new),
                max,
                r.unit(),
                site + ", layers by " + (heads ? "heads" : "positions"));
    }

    private void verified(PatchResult r) {
        if (r.verified().isEmpty()) {
            agreement.add(Kit.text("dim", "Not checked yet. Exact patching runs the model once for every cell."));
            return;
        }
        int n = r.verified().size();
        float[] x = new float[n];
        float[] y = new float[n];
        List<String> names = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            PatchResult.Verified v = r.verified().get(i);
            x[i] = (float) v.estimate();
            y[i] = (float) v.exact();
            names.add(
                    v.site() + " L" + v.layer() + " column " + v.column() + (v.hint() == null ? "" : " – " + v.hint()));
        }
        Scatter scatter = new Scatter();
        scatter.set(new Scatter.Data(
                x,
                y,
                names,
                null,
                "estimate",
                "exact effect",
                null,
                null,
                null,
                true,
                "Estimates against exact patching"));
        agreement.add(scatter);
        r.verified().stream()
                .filter(v -> v.hint() != null)
                .limit(3)
                .forEach(v -> agreement.add(Kit.div(
                        "faint", Kit.text(v.site() + " L" + v.layer() + " column " + v.column() + ": " + v.hint()))));
        r.agreement()
                .forEach((name, a) ->
                        agreement.add(Kit.div("gap", Kit.heading(name, Num.count(a.cells(), "cell")), facts(a))));
    }

    private static Div facts(Agreement a) {
        return Kit.facts(
                Kit.fact(Num.fixed(a.pearson(), 3), "Pearson", "linear correlation of estimate and exact effect"),
                Kit.fact(Num.fixed(a.spearman(), 3), "Spearman", "rank correlation"),
                Kit.fact(
                        Num.fixed(a.slope(), 3),
                        "slope",
                        "least-squares slope through 0 of estimate over exact effect; 1 is right"),
                Kit.fact(
                        Num.fixed(without(a), 3),
                        "without the largest",
                        "Pearson without the cell of the largest exact effect"));
    }

    private static @Nullable Double without(Agreement a) {
        Agreement rest = a.withoutTop();
        return rest == null ? null : rest.pearson();
    }

    private void nodes(PatchResult r) {
        if (r.nodes().isEmpty()) {
            return;
        }
        List<List<Component>> rows = new ArrayList<>();
        r.nodes().stream()
                .limit(MOST_NODES)
                .forEach(n -> rows.add(List.of(
                        node(n),
                        Kit.text(Num.signed(n.score(), 4)),
                        Kit.text(n.exact() == null ? "–" : Num.signed(n.exact(), 4)),
                        Kit.text("mono", r.cleanTokens().get(n.position()).replace(' ', '␣')),
                        Kit.text(Num.activation(n.clean())),
                        Kit.text(Num.activation(n.corrupt())))));
        nodes.add(Kit.card(
                Kit.heading("Single neurons and latents", "largest scores, in " + r.unit()),
                Kit.table(
                        List.of("which", "score", "exact", "strongest at", "clean", "corrupted"),
                        Set.of(1, 2, 4, 5),
                        rows)));
    }

    private static Component node(PatchResult.Node n) {
        if (n.site().startsWith("sae:")) {
            String sae = n.site().substring(4);
            return Kit.link(Links.feature(sae, n.index()), sae + " " + n.index());
        }
        return Kit.text("L" + n.layer() + " neuron " + n.index());
    }
}
