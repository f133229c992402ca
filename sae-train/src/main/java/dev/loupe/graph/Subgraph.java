package dev.loupe.graph;

import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.math.Matrix;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What can be computed from a saved graph alone: scores of a part of it, and what changing nodes is predicted to do. */
public final class Subgraph {
    /** Edges between all nodes that a graph can have here: 2 GiB of them. */
    private static final long MOST_VALUES = 1L << 29;

    private Subgraph() {}

    /**
     * How much of a saved graph a part of its nodes explains: features that are not in it count as errors at their layer and
     * position. Embeddings, errors and logits always belong to it. The scores of all nodes are those of the saved edges,
     * which were cut off, so they differ a little from the graph's own.
     *
     * @throws dev.loupe.base.CancelledException if the progress asks for it
     */
    public static GraphScores scores(AttributionGraph graph, Collection<String> pinned, Progress progress) {
        Set<String> wanted = new HashSet<>(pinned);
        progress.check();
        Built built = build(graph);
        BitSet kept = new BitSet();
        for (int i = 0; i < built.features.size(); i++) {
            kept.set(i, wanted.contains(built.features.get(i).id()));
        }
        return built.edges.folded(kept, built.errorOf, progress).scores();
    }

    /**
     * Influence of every node by the edges that a graph has, by node id: for imported graphs, which do not say.
     */
    static Map<String, Double> influence(AttributionGraph graph) {
        Built built = build(graph);
        double[] influence = built.edges.influence();
        Map<String, Double> byId = new HashMap<>();
        built.columns.forEach((id, c) -> byId.put(id, influence[c]));
        return byId;
    }

    /**
     * Change of the first logit node that the graph predicts for changes of nodes. Nodes are taken as linear: a feature's
     * activation follows its incoming edges, then its own factor.
     *
     * @throws UsageException if a node is none of the graph's, or a logit
     */
    public static double predicted(AttributionGraph graph, List<Intervention> changes) {
        Map<String, Double> factors = new HashMap<>();
        Map<String, GraphNode> nodes = graph.byId();
        for (Intervention c : changes) {
            GraphNode n = nodes.get(c.node());
            if (n == null || n.kind() == NodeKind.LOGIT) {
                throw new UsageException("There is no node \"" + c.node()
                        + "\" in this graph that can be changed; features, errors and embeddings can.");
            }
            if (!Double.isFinite(c.factor())) {
                throw new UsageException("The factor of " + c.node() + " must be a finite number.");
            }
            factors.put(c.node(), c.factor());
        }
        Map<String, List<GraphEdge>> into = new HashMap<>();
        graph.edges()
                .forEach(e ->
                        into.computeIfAbsent(e.target(), t -> new ArrayList<>()).add(e));
        Map<String, Double> relative = new HashMap<>(); // of the ordinary activation
        double change = 0;
        boolean found = false;
        for (GraphNode n : graph.nodes()) { // by layer
            double more = 0;
            for (GraphEdge e : into.getOrDefault(n.id(), List.of())) {
                more += e.weight() * (relative.getOrDefault(e.source(), 1.0) - 1);
            }
            if (n.kind() == NodeKind.LOGIT) {
                change = found ? change : more;
                found = true;
            } else {
                double follows = n.kind() == NodeKind.FEATURE && n.activation() != 0 ? 1 + more / n.activation() : 1;
                relative.put(n.id(), factors.getOrDefault(n.id(), 1.0) * follows);
            }
        }
        return change;
    }

    private record Built(Adjacency edges, List<GraphNode> features, Map<String, Integer> columns, int[] errorOf) {}

    private static Built build(AttributionGraph graph) {
        int positions = graph.tokens().size();
        List<GraphNode> features = new ArrayList<>();
        List<GraphNode> logits = new ArrayList<>();
        for (GraphNode n : graph.nodes()) {
            if (n.kind() == NodeKind.FEATURE) {
                features.add(n);
            } else if (n.kind() == NodeKind.LOGIT) {
                logits.add(n);
            }
        }
        long size = (features.size() + (long) logits.size()) * (features.size() + (graph.layers() + 1L) * positions);
        if (graph.layers() < 1 || positions < 1 || size > MOST_VALUES) {
            throw new LoupeException("A graph of " + features.size() + " features in " + graph.layers() + " layers at "
                    + positions + " tokens is damaged or too large: get it again, or make a smaller one.");
        }
        features.sort(java.util.Comparator.comparingInt(GraphNode::layer));
        int errors = graph.layers() * positions;
        Map<String, Integer> columns = new HashMap<>();
        Map<String, Integer> rows = new HashMap<>();
        int[] errorOf = new int[features.size()];
        for (int i = 0; i < features.size(); i++) {
            GraphNode n = features.get(i);
            columns.put(n.id(), i);
            rows.put(n.id(), i);
            errorOf[i] = error(n, graph.layers(), positions);
        }
        for (GraphNode n : graph.nodes()) {
            if (n.kind() == NodeKind.ERROR) {
                columns.put(n.id(), features.size() + error(n, graph.layers(), positions));
            } else if (n.kind() == NodeKind.EMBEDDING) {
                columns.put(n.id(), features.size() + errors + Math.clamp(n.position(), 0, positions - 1));
            }
        }
        double[] weights = new double[logits.size()];
        for (int k = 0; k < weights.length; k++) {
            rows.put(logits.get(k).id(), features.size() + k);
            weights[k] = logits.get(k).influence();
        }
        int width = features.size() + errors + positions;
        Matrix m = Matrix.allocate(Arena.ofAuto(), (long) features.size() + weights.length, width);
        for (GraphEdge e : graph.edges()) {
            Integer r = rows.get(e.target());
            Integer c = columns.get(e.source());
            if (r != null && c != null) {
                m.set(r, c, (float) (m.get(r, c) + e.weight()));
            }
        }
        return new Built(new Adjacency(m, features.size(), errors, positions, weights), features, columns, errorOf);
    }

    private static int error(GraphNode n, int layers, int positions) {
        return Math.clamp(n.layer(), 0, layers - 1) * positions + Math.clamp(n.position(), 0, positions - 1);
    }
}
