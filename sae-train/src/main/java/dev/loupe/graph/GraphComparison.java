package dev.loupe.graph;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * Two graphs side by side. Nodes are the same if their ids are: same latent, layer and position, so prompts should be aligned.
 *
 * @param a name of the first graph
 * @param b name of the second
 * @param tokens positions whose tokens differ
 * @param shared nodes in both, by the difference of their influence
 * @param onlyA nodes of the first alone, most influence first
 * @param onlyB nodes of the second alone
 * @param edges edges in both or one, largest difference of weights first
 * @param nodeOverlap shared nodes over all (Jaccard), embeddings and logits not counted
 * @param influenceOverlap Σ min(influence) / Σ max(influence) over features and errors
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
public record GraphComparison(
        String a,
        String b,
        List<TokenPair> tokens,
        List<NodePair> shared,
        List<GraphNode> onlyA,
        List<GraphNode> onlyB,
        List<EdgePair> edges,
        double nodeOverlap,
        double influenceOverlap) {
    private static final int MOST_EDGES = 500;

    /**
     * A position whose tokens differ.
     *
     * @param position the position
     * @param a the first prompt's token; null where it has ended
     * @param b the second prompt's token; null where it has ended
     */
    public record TokenPair(
            int position, @Nullable String a, @Nullable String b) {}

    /** A node of both graphs. */
    public record NodePair(GraphNode a, GraphNode b) {
        /** By how much its influence is larger in the second. */
        public double difference() {
            return b.influence() - a.influence();
        }
    }

    /**
     * An edge of both graphs, or of one.
     *
     * @param source id of the node that acts
     * @param target id of the node that it acts on
     * @param a its weight in the first graph; 0 where it has none
     * @param b its weight in the second
     */
    public record EdgePair(String source, String target, double a, double b) {}

    /** Compares. */
    public static GraphComparison of(AttributionGraph a, AttributionGraph b) {
        Map<String, GraphNode> ofA = a.byId();
        Map<String, GraphNode> ofB = b.byId();
        List<NodePair> shared = new ArrayList<>();
        List<GraphNode> onlyA = new ArrayList<>();
        List<GraphNode> onlyB = new ArrayList<>();
        double least = 0;
        double most = 0;
        int same = 0;
        int all = 0;
        for (GraphNode n : a.nodes()) {
            GraphNode other = ofB.get(n.id());
            boolean counts = counts(n);
            all += counts ? 1 : 0;
            if (other == null) {
                onlyA.add(n);
                most += counts ? n.influence() : 0;
            } else {
                shared.add(new NodePair(n, other));
                same += counts ? 1 : 0;
                least += counts ? Math.min(n.influence(), other.influence()) : 0;
                most += counts ? Math.max(n.influence(), other.influence()) : 0;
            }
        }
        for (GraphNode n : b.nodes()) {
            if (!ofA.containsKey(n.id())) {
                onlyB.add(n);
                all += counts(n) ? 1 : 0;
                most += counts(n) ? n.influence() : 0;
            }
        }
        shared.sort(Comparator.comparingDouble(p -> -Math.abs(p.difference())));
        onlyA.sort(Comparator.comparingDouble(n -> -n.influence()));
        onlyB.sort(Comparator.comparingDouble(n -> -n.influence()));
        return new GraphComparison(
                a.id(),
                b.id(),
                tokens(a.tokens(), b.tokens()),
                shared,
                onlyA,
                onlyB,
                edges(a, b),
                all == 0 ? 1 : same / (double) all,
                most == 0 ? 1 : least / most);
    }

    private static boolean counts(GraphNode n) {
        return n.kind() == NodeKind.FEATURE || n.kind() == NodeKind.ERROR;
    }

    private static List<TokenPair> tokens(List<String> a, List<String> b) {
        List<TokenPair> pairs = new ArrayList<>();
        for (int p = 0; p < Math.max(a.size(), b.size()); p++) {
            String left = p < a.size() ? a.get(p) : null;
            String right = p < b.size() ? b.get(p) : null;
            if (left == null || !left.equals(right)) {
                pairs.add(new TokenPair(p, left, right));
            }
        }
        return pairs;
    }

    private static List<EdgePair> edges(AttributionGraph a, AttributionGraph b) {
        Map<String, EdgePair> pairs = new LinkedHashMap<>();
        for (GraphEdge e : a.edges()) {
            pairs.put(e.source() + "\t" + e.target(), new EdgePair(e.source(), e.target(), e.weight(), 0));
        }
        for (GraphEdge e : b.edges()) {
            pairs.merge(
                    e.source() + "\t" + e.target(),
                    new EdgePair(e.source(), e.target(), 0, e.weight()),
                    (old, now) -> new EdgePair(old.source(), old.target(), old.a(), now.b()));
        }
        return pairs.values().stream()
                .sorted(Comparator.comparingDouble(e -> -Math.abs(e.a() - e.b())))
                .limit(MOST_EDGES)
                .toList();
    }
}
