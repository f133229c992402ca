package dev.loupe.ui;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.Section;
import dev.loupe.patch.PatchResult;
import dev.loupe.ui.element.HeatMap;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;

/** Scores as heat maps, one for each site on one colour scale, and below them single neurons and latents. */
final class PatchMaps extends Div {
    private static final int MOST_NODES = 40;
    private static final String EVERY = "*";

    private final Section maps = Kit.card();
    private final Div nodes = Kit.div("");
    private String site = "";

    PatchMaps() {
        addClassName("stack");
        add(maps, nodes);
    }

    /** Says that a result is on its way, if nothing is shown yet. */
    void waiting(String words) {
        if (maps.getChildren().findAny().isEmpty()) {
            maps.add(Kit.text("dim", words));
        }
    }

    void clear() {
        maps.removeAll();
        nodes.removeAll();
    }

    void show(PatchResult r, String answer, String wrong) {
        clear();
        nodes(r);
        if (r.grids().isEmpty()) {
            return;
        }
        double max = r.grids().values().stream()
                .flatMap(Arrays::stream)
                .flatMapToDouble(Arrays::stream)
                .map(Math::abs)
                .max()
                .orElse(0);
        Map<String, String> names = new LinkedHashMap<>();
        r.grids().keySet().forEach(s -> names.put(s, title(s)));
        if (names.size() > 1) {
            names.put(EVERY, "all, small");
        }
        if (!names.containsKey(site)) {
            site = r.grids().keySet().iterator().next();
        }
        Div body = new Div();
        Fields.Tabs tabs = new Fields.Tabs(names, site, chosen -> {
            site = chosen;
            draw(body, r, max);
        });
        tabs.add(Kit.text("end faint only-wide", "one colour scale for all"));
        draw(body, r, max);
        Div legend = Kit.div(
                "line faint gap",
                Kit.text("pushes to " + (wrong.isEmpty() ? "wrong" : "“" + wrong.strip() + "”")),
                Kit.text("scale", ""),
                Kit.text("pushes to " + (answer.isEmpty() ? "right" : "“" + answer.strip() + "”")));
        maps.add(tabs, body, legend);
    }

    private void draw(Div body, PatchResult r, double max) {
        body.removeAll();
        if (!site.equals(EVERY)) {
            HeatMap heat = new HeatMap();
            heat.set(map(r, site, max, false));
            heat.file(ArrowFile.of(
                    "patch-" + site.replace(':', '-'), () -> dev.loupe.service.PatchTables.cells(r, Set.of(site))));
            body.add(heat);
            return;
        }
        Div all = Kit.div("maps");
        for (String s : r.grids().keySet()) {
            HeatMap heat = new HeatMap();
            heat.set(map(r, s, max, true));
            all.add(new Div(Kit.heading(title(s), ""), heat));
        }
        body.add(all);
    }

    /** A site as pages call it. */
    static String title(String site) {
        return site.startsWith("sae:")
                ? site.substring(4)
                : site.startsWith("error:")
                        ? site.substring(6) + " error"
                        : site.equals("z") ? "heads" : site.equals("z_pos") ? "heads by position" : site;
    }

    private static HeatMap.Data map(PatchResult r, String site, double max, boolean small) {
        double[][] grid = r.grids().getOrDefault(site, new double[0][]);
        PatchResult.Axes axes = r.axes().get(site);
        List<String> rows = new ArrayList<>();
        int[] layers = new int[grid.length];
        int[] heads = axes == null ? null : axes.heads();
        int[] headOf = new int[grid.length];
        List<double[]> values = new ArrayList<>();
        for (int i = grid.length - 1; i >= 0; i--) {
            layers[rows.size()] = axes == null ? i : axes.layers()[i];
            headOf[rows.size()] = heads == null ? -1 : heads[i];
            rows.add("L" + layers[rows.size()] + (heads == null ? "" : " H" + heads[i]));
            values.add(grid[i]);
        }
        boolean byHead = axes != null && axes.columns().equals("head");
        List<String> columns = byHead && grid.length > 0
                ? IntStream.range(0, grid[0].length).mapToObj(h -> "head " + h).toList()
                : r.cleanTokens();
        return new HeatMap.Data(
                site,
                rows,
                layers,
                heads == null ? null : headOf,
                columns,
                byHead ? "head" : "position",
                values.toArray(double[][]::new),
                max,
                r.unit(),
                title(site) + ", layers by " + (byHead ? "heads" : "positions"),
                small);
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
