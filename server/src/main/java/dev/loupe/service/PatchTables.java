package dev.loupe.service;

import dev.loupe.patch.PatchResult;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A patching result as tables, for {@link ArrowTable}. */
public final class PatchTables {
    private PatchTables() {}

    private record Place(String site, int layer, int head, int column) {}

    /** One row for each cell of all grids. */
    public static Map<String, Object> cells(PatchResult r) {
        return cells(r, r.grids().keySet());
    }

    /**
     * One row for each cell of some sites' grids: {@code site}, {@code layer}, {@code head} (−1 where a row is
     * a whole layer), {@code column}, {@code of} (position or head),
     * {@code token} (the clean one, for positions), {@code estimate}, {@code exact} and {@code hint} (null where not checked).
     */
    public static Map<String, Object> cells(PatchResult r, Collection<String> wanted) {
        Map<Place, PatchResult.Verified> checked = new HashMap<>();
        r.verified()
                .forEach(v ->
                        checked.put(new Place(v.site(), v.layer(), v.head() == null ? -1 : v.head(), v.column()), v));
        List<String> sites = new ArrayList<>();
        List<Integer> layers = new ArrayList<>();
        List<Integer> heads = new ArrayList<>();
        List<Integer> columns = new ArrayList<>();
        List<String> of = new ArrayList<>();
        List<@Nullable String> tokens = new ArrayList<>();
        List<Double> estimate = new ArrayList<>();
        List<Double> exact = new ArrayList<>();
        List<@Nullable String> hints = new ArrayList<>();
        r.grids().forEach((site, grid) -> {
            if (!wanted.contains(site)) {
                return;
            }
            PatchResult.Axes axes = r.axes().get(site);
            boolean positions = axes == null || !axes.columns().equals("head");
            for (int row = 0; row < grid.length; row++) {
                int layer = axes == null ? row : axes.layers()[row];
                int head = axes == null || axes.heads() == null ? -1 : axes.heads()[row];
                for (int c = 0; c < grid[row].length; c++) {
                    PatchResult.Verified v = checked.get(new Place(site, layer, head, c));
                    sites.add(site);
                    layers.add(layer);
                    heads.add(head);
                    columns.add(c);
                    of.add(positions ? "position" : "head");
                    tokens.add(positions ? r.cleanTokens().get(c) : null);
                    estimate.add(grid[row][c]);
                    exact.add(v == null ? Double.NaN : v.exact());
                    hints.add(v == null ? null : v.hint());
                }
            }
        });
        Map<String, Object> table = new LinkedHashMap<>();
        table.put("site", sites);
        table.put("layer", ints(layers));
        table.put("head", ints(heads));
        table.put("column", ints(columns));
        table.put("of", of);
        table.put("token", tokens);
        table.put("estimate", doubles(estimate));
        table.put("exact", doubles(exact));
        table.put("hint", hints);
        return table;
    }

    /** One row for each single neuron or latent. */
    public static Map<String, Object> nodes(PatchResult r) {
        List<PatchResult.Node> n = r.nodes();
        Map<String, Object> table = new LinkedHashMap<>();
        table.put("site", n.stream().map(PatchResult.Node::site).toList());
        table.put("layer", n.stream().mapToInt(PatchResult.Node::layer).toArray());
        table.put("index", n.stream().mapToInt(PatchResult.Node::index).toArray());
        table.put("score", n.stream().mapToDouble(PatchResult.Node::score).toArray());
        table.put(
                "exact",
                n.stream()
                        .mapToDouble(x -> x.exact() == null ? Double.NaN : x.exact())
                        .toArray());
        table.put("position", n.stream().mapToInt(PatchResult.Node::position).toArray());
        table.put("clean", n.stream().mapToDouble(PatchResult.Node::clean).toArray());
        table.put("corrupt", n.stream().mapToDouble(PatchResult.Node::corrupt).toArray());
        return table;
    }

    private static int[] ints(List<Integer> values) {
        return values.stream().mapToInt(Integer::intValue).toArray();
    }

    private static double[] doubles(List<Double> values) {
        double[] all = new double[values.size()];
        Arrays.setAll(all, values::get);
        return all;
    }
}
