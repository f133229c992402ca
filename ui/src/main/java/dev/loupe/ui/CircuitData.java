package dev.loupe.ui;

import dev.loupe.graph.AttributionGraph;
import dev.loupe.graph.GraphEdge;
import dev.loupe.graph.GraphNode;
import dev.loupe.graph.NodeKind;
import dev.loupe.patch.Circuit;
import dev.loupe.ui.element.CircuitGraph;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Attribution graphs and feature circuits as the drawing takes them, one alone or two joined. */
final class CircuitData {
    private CircuitData() {}

    /** An edge, whichever graph it is of. */
    private record Edge(String source, String target, double weight) {}

    /** An attribution graph; with another one, nodes and edges of both. */
    static CircuitGraph.Data of(AttributionGraph a, @Nullable AttributionGraph b) {
        List<String> rows = new ArrayList<>(List.of("embed"));
        for (int l = 0; l < a.layers(); l++) {
            rows.add("L" + l);
        }
        rows.add("logits");
        Map<String, GraphNode> all = new LinkedHashMap<>(a.byId());
        if (b != null) {
            b.byId().forEach(all::putIfAbsent);
        }
        Map<String, Double> cumulative = cumulative(all.values());
        List<CircuitGraph.Node> nodes = new ArrayList<>();
        for (GraphNode n : all.values()) {
            nodes.add(new CircuitGraph.Node(
                    n.id(),
                    n.kind().name().toLowerCase(Locale.ROOT),
                    Math.clamp(n.layer() + 1, 0, a.layers() + 1),
                    n.position(),
                    n.text(),
                    n.label(),
                    n.kind() == NodeKind.LOGIT ? n.probability() : n.influence(),
                    cumulative.getOrDefault(n.id(), 1.0),
                    n.activation(),
                    0,
                    side(n.id(), a.byId().keySet(), b == null ? null : b.byId().keySet())));
        }
        List<Edge> edges = new ArrayList<>();
        a.edges().forEach(e -> edges.add(new Edge(e.source(), e.target(), e.weight())));
        if (b != null) {
            Set<String> known = new HashSet<>();
            for (GraphEdge e : a.edges()) {
                known.add(e.source() + "\t" + e.target());
            }
            b.edges().stream()
                    .filter(e -> !known.contains(e.source() + "\t" + e.target()))
                    .forEach(e -> edges.add(new Edge(e.source(), e.target(), e.weight())));
        }
        return joined(a.tokens(), rows, nodes, edges, true, "activation", "Attribution graph " + a.id());
    }

    /** What the slider cuts at: as the graph says, or from the nodes' influence where an imported file did not say. */
    private static Map<String, Double> cumulative(Collection<GraphNode> nodes) {
        Map<String, Double> shares = new HashMap<>();
        if (nodes.stream().anyMatch(n -> n.cumulative() > 0)) {
            nodes.forEach(n -> shares.put(n.id(), n.cumulative()));
            return shares;
        }
        List<GraphNode> inner = nodes.stream()
                .filter(n -> n.kind() == NodeKind.FEATURE || n.kind() == NodeKind.ERROR)
                .sorted(Comparator.comparingDouble(n -> -n.influence()))
                .toList();
        double sum = inner.stream().mapToDouble(GraphNode::influence).sum();
        double before = 0;
        for (GraphNode n : inner) {
            before += n.influence();
            shares.put(n.id(), sum == 0 ? 1 : before / sum);
        }
        return shares;
    }

    /** A feature circuit; with another one, nodes and edges of both. */
    static CircuitGraph.Data of(Circuit a, @Nullable Circuit b) {
        Map<String, Circuit.Node> all = new LinkedHashMap<>();
        a.nodes().forEach(n -> all.put(n.id(), n));
        Set<String> ofA = Set.copyOf(all.keySet());
        Set<String> ofB = new HashSet<>();
        if (b != null) {
            b.nodes().forEach(n -> {
                ofB.add(n.id());
                all.putIfAbsent(n.id(), n);
            });
        }
        List<String> hooks = all.values().stream()
                .sorted(Comparator.comparingInt(Circuit.Node::layer).thenComparingInt(n -> place(n.hook())))
                .map(Circuit.Node::hook)
                .distinct()
                .toList();
        double sum =
                all.values().stream().mapToDouble(n -> Math.abs(n.effect())).sum();
        double before = 0;
        List<CircuitGraph.Node> nodes = new ArrayList<>();
        List<Circuit.Node> bySize = all.values().stream()
                .sorted(Comparator.comparingDouble(n -> -Math.abs(n.effect())))
                .toList();
        for (Circuit.Node n : bySize) {
            double share = sum == 0 ? 0 : Math.abs(n.effect()) / sum;
            before += share;
            nodes.add(new CircuitGraph.Node(
                    n.id(),
                    n.latent() == null ? "error" : "feature",
                    hooks.indexOf(n.hook()),
                    n.position(),
                    n.latent() == null ? "error of " + n.sae() : n.id(),
                    null,
                    share,
                    nodes.isEmpty() ? 0 : before,
                    n.effect(),
                    n.effect() >= 0 ? 1 : -1,
                    side(n.id(), ofA, b == null ? null : ofB)));
        }
        List<Edge> edges = new ArrayList<>();
        Set<String> known = new HashSet<>();
        for (Circuit c : b == null ? List.of(a) : List.of(a, b)) {
            c.edges().stream()
                    .filter(e -> known.add(e.source() + "\t" + e.target()))
                    .forEach(e -> edges.add(new Edge(e.source(), e.target(), e.weight())));
        }
        return joined(
                a.tokens(),
                hooks.stream().map(CircuitData::shortHook).toList(),
                nodes,
                edges,
                false,
                "effect",
                "Feature circuit " + a.id());
    }

    private static @Nullable String side(String id, Set<String> a, @Nullable Set<String> b) {
        return b == null || (a.contains(id) && b.contains(id)) ? null : a.contains(id) ? "a" : "b";
    }

    private static CircuitGraph.Data joined(
            List<String> tokens,
            List<String> rows,
            List<CircuitGraph.Node> nodes,
            List<Edge> edges,
            boolean shares,
            String valueName,
            String label) {
        Map<String, Integer> index = new HashMap<>();
        nodes.forEach(n -> index.put(n.id(), index.size()));
        List<Edge> known = edges.stream()
                .filter(e -> index.containsKey(e.source()) && index.containsKey(e.target()))
                .toList();
        return new CircuitGraph.Data(
                tokens,
                rows,
                nodes,
                known.stream().mapToInt(e -> index.getOrDefault(e.source(), 0)).toArray(),
                known.stream().mapToInt(e -> index.getOrDefault(e.target(), 0)).toArray(),
                known.stream().mapToDouble(Edge::weight).toArray(),
                shares,
                valueName,
                label);
    }

    /** Order of a block's hooks in the forward pass. */
    private static int place(String hook) {
        return hook.endsWith("resid_pre")
                ? 0
                : hook.endsWith("attn_out") ? 1 : hook.endsWith("resid_mid") ? 2 : hook.endsWith("mlp_out") ? 3 : 4;
    }

    static String shortHook(String hook) {
        return hook.replace("blocks.", "L")
                .replace("hook_", "")
                .replace("resid_", "")
                .replace("_out", "")
                .replace('.', ' ');
    }
}
