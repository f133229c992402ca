package dev.loupe.service;

import dev.loupe.graph.AttributionGraph;
import dev.loupe.graph.GraphEdge;
import dev.loupe.graph.GraphNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** An attribution graph as tables, for {@link ArrowTable}. */
public final class GraphTables {
    private GraphTables() {}

    /** One row for each node; {@code feature} and {@code token} are −1 where a node has none. */
    public static Map<String, Object> nodes(AttributionGraph g) {
        List<GraphNode> n = g.nodes();
        List<@Nullable String> saes = new ArrayList<>();
        n.forEach(x -> saes.add(x.sae()));
        Map<String, Object> table = new LinkedHashMap<>();
        table.put("id", n.stream().map(GraphNode::id).toList());
        table.put(
                "kind",
                n.stream().map(x -> x.kind().name().toLowerCase(Locale.ROOT)).toList());
        table.put("layer", n.stream().mapToInt(GraphNode::layer).toArray());
        table.put("position", n.stream().mapToInt(GraphNode::position).toArray());
        table.put("sae", saes);
        table.put("feature", n.stream().mapToInt(x -> or(x.feature())).toArray());
        table.put("token", n.stream().mapToInt(x -> or(x.token())).toArray());
        table.put("text", n.stream().map(GraphNode::shown).toList());
        table.put("activation", n.stream().mapToDouble(GraphNode::activation).toArray());
        table.put("influence", n.stream().mapToDouble(GraphNode::influence).toArray());
        table.put("probability", n.stream().mapToDouble(GraphNode::probability).toArray());
        return table;
    }

    private static int or(@Nullable Integer number) {
        return number == null ? -1 : number;
    }

    /** One row for each edge: {@code source}, {@code target}, {@code weight}. */
    public static Map<String, Object> edges(AttributionGraph g) {
        List<GraphEdge> e = g.edges();
        Map<String, Object> table = new LinkedHashMap<>();
        table.put("source", e.stream().map(GraphEdge::source).toList());
        table.put("target", e.stream().map(GraphEdge::target).toList());
        table.put("weight", e.stream().mapToDouble(GraphEdge::weight).toArray());
        return table;
    }
}
