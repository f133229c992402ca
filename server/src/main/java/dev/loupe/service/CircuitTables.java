package dev.loupe.service;

import dev.loupe.patch.Circuit;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A circuit as tables, for {@link ArrowTable}. */
public final class CircuitTables {
    private CircuitTables() {}

    /** One row for each node: {@code id}, {@code sae}, {@code hook}, {@code layer}, {@code latent} (−1: the error), ... */
    public static Map<String, Object> nodes(Circuit c) {
        List<Circuit.Node> n = c.nodes();
        Map<String, Object> table = new LinkedHashMap<>();
        table.put("id", n.stream().map(Circuit.Node::id).toList());
        table.put("sae", n.stream().map(Circuit.Node::sae).toList());
        table.put("hook", n.stream().map(Circuit.Node::hook).toList());
        table.put("layer", n.stream().mapToInt(Circuit.Node::layer).toArray());
        table.put(
                "latent",
                n.stream().mapToInt(x -> x.latent() == null ? -1 : x.latent()).toArray());
        table.put("effect", n.stream().mapToDouble(Circuit.Node::effect).toArray());
        table.put("position", n.stream().mapToInt(Circuit.Node::position).toArray());
        return table;
    }

    /** One row for each edge: {@code source}, {@code target}, {@code weight}. */
    public static Map<String, Object> edges(Circuit c) {
        List<Circuit.Edge> e = c.edges();
        Map<String, Object> table = new LinkedHashMap<>();
        table.put("source", e.stream().map(Circuit.Edge::source).toList());
        table.put("target", e.stream().map(Circuit.Edge::target).toList());
        table.put("weight", e.stream().mapToDouble(Circuit.Edge::weight).toArray());
        return table;
    }
}
