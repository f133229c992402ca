package dev.loupe.graph;

import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import dev.loupe.base.UsageException;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** Graphs that circuit-tracer (or {@link GraphJson}) wrote. */
public final class GraphImport {
    private GraphImport() {}

    /**
     * A graph with how it was looked at.
     *
     * @param graph the graph
     * @param view what was pinned and grouped
     */
    public record Imported(AttributionGraph graph, GraphView view) {}

    /**
     * Reads a file.
     *
     * @throws LoupeException if it is no such graph or its nodes cannot be told apart, in one sentence
     */
    public static Imported read(Path file) {
        return read(Json.tree(file), "the file " + file.getFileName());
    }

    /**
     * Reads the content of a file.
     *
     * @param file what to call it in messages
     * @throws LoupeException as {@link #read(Path)}
     */
    public static Imported read(JsonNode root, String file) {
        if (!root.path("nodes").isArray()
                || !root.path("links").isArray()
                || !root.path("metadata").isObject()) {
            throw new UsageException(
                    "There is no attribution graph in " + file + ": it lacks metadata, nodes or links.");
        }
        JsonNode meta = root.path("metadata");
        List<String> tokens = texts(meta.path("prompt_tokens"));
        List<String> transcoders = texts(meta.path("transcoder_list"));
        int layers = layers(root.path("nodes"));
        Map<String, String> known = new HashMap<>(); // id there → id here
        List<GraphNode> nodes = new ArrayList<>();
        for (JsonNode n : root.path("nodes")) {
            String id = n.path("node_id").asString("");
            if (id.isEmpty() || known.containsKey(id)) {
                throw new UsageException("The graph in " + file + " has two nodes \"" + id
                        + "\"; node ids must be unique, so its errors and features cannot be told apart.");
            }
            GraphNode node = node(n, id, layers, Math.max(1, tokens.size()), transcoders);
            known.put(id, node.id());
            nodes.add(node);
        }
        nodes.sort(Comparator.comparingInt(GraphNode::layer).thenComparingInt(GraphNode::position));
        List<GraphEdge> edges = new ArrayList<>();
        for (JsonNode link : root.path("links")) {
            String from = link.path("source").asString("");
            String to = link.path("target").asString("");
            String source = known.get(from);
            String target = known.get(to);
            if (source == null || target == null) {
                throw new UsageException("The graph in " + file + " has a link from \"" + from + "\" to \"" + to
                        + "\", of which one is no node.");
            }
            GraphEdge e = new GraphEdge(source, target, link.path("weight").asDouble(0));
            if (!Double.isFinite(e.weight())) {
                throw new UsageException("The graph in " + file + " has a link from \"" + e.source()
                        + "\" whose weight is " + e.weight() + ".");
            }
            edges.add(e);
        }
        edges.sort(Comparator.comparingDouble(e -> -Math.abs(e.weight())));
        AttributionGraph graph = new AttributionGraph(
                AttributionGraph.FORMAT,
                "",
                Instant.now().truncatedTo(ChronoUnit.SECONDS).toString(),
                "attribution graph, imported from " + file + "; influence of nodes by the edges in the file",
                request(meta),
                meta.path("scan").asString(""),
                "",
                layers,
                transcoders,
                tokens,
                List.of(),
                List.copyOf(nodes),
                List.copyOf(edges),
                (int) nodes.stream().filter(n -> n.kind() == NodeKind.FEATURE).count(),
                (int) nodes.stream().filter(n -> n.kind() == NodeKind.FEATURE).count(),
                null,
                null,
                null,
                0);
        Map<String, Double> influence = Subgraph.influence(graph);
        AttributionGraph whole = graph.mapNodes(
                n -> n.kind() == NodeKind.LOGIT ? n : n.withInfluence(influence.getOrDefault(n.id(), n.influence())));
        return new Imported(whole, GraphJson.view(root, id -> known.getOrDefault(id, id)));
    }

    private static GraphRequest request(JsonNode meta) {
        JsonNode generation = meta.path("generation_settings");
        JsonNode pruning = meta.path("pruning_settings");
        double nodes = pruning.path("node_threshold")
                .asDouble(meta.path("node_threshold").asDouble(0));
        return new GraphRequest(
                meta.path("scan").asString(""),
                "",
                meta.path("prompt").asString(""),
                null,
                null,
                generation.path("max_n_logits").asInt(0),
                generation.path("desired_logit_prob").asDouble(0),
                generation.path("max_feature_nodes").asInt(0),
                nodes,
                pruning.path("edge_threshold").asDouble(0),
                0,
                null,
                null,
                0);
    }

    private static List<String> texts(JsonNode array) {
        List<String> all = new ArrayList<>();
        array.forEach(t -> all.add(t.asString("")));
        return List.copyOf(all);
    }

    /** One above the last layer with a feature or an error. */
    private static int layers(JsonNode nodes) {
        int layers = 1;
        for (JsonNode n : nodes) {
            NodeKind kind = kind(n);
            if (kind == NodeKind.FEATURE || kind == NodeKind.ERROR) {
                layers = Math.max(layers, 1 + number(n.path("layer").asString("0")));
            }
        }
        return layers;
    }

    private static NodeKind kind(JsonNode n) {
        return switch (n.path("feature_type").asString("")) {
            case GraphJson.EMBEDDING -> NodeKind.EMBEDDING;
            case GraphJson.LOGIT -> NodeKind.LOGIT;
            case GraphJson.ERROR, "lorsa error" -> NodeKind.ERROR;
            default -> NodeKind.FEATURE;
        };
    }

    private static GraphNode node(JsonNode n, String id, int layers, int positions, List<String> transcoders) {
        NodeKind kind = kind(n);
        int layer = switch (kind) {
            case EMBEDDING -> -1;
            case LOGIT -> layers;
            case FEATURE, ERROR -> Math.clamp(number(n.path("layer").asString("0")), 0, layers - 1);
        };
        Integer feature = kind == NodeKind.FEATURE ? index(n, id) : null;
        boolean token = kind == NodeKind.EMBEDDING || kind == NodeKind.LOGIT;
        String label = n.path("clerp").asString("");
        String sae = n.path("sae").asString(token || layer >= transcoders.size() ? "" : transcoders.get(layer));
        double probability = n.path("token_prob").asDouble(0);
        int position = Math.clamp(n.path("ctx_idx").asInt(0), 0, positions - 1);
        return new GraphNode(
                kind == NodeKind.ERROR ? NodeIds.error(layer, position) : id, // theirs may be that of a feature
                kind,
                layer,
                position,
                sae.isEmpty() ? null : sae,
                feature,
                token ? number(id, 1) : null,
                feature != null ? layer + "/" + feature : label,
                n.path("activation").asDouble(0),
                kind == NodeKind.LOGIT ? (probability > 0 ? probability : 1) : 0,
                n.path("influence").asDouble(0),
                probability,
                0,
                kind == NodeKind.FEATURE && !label.isBlank() ? label : null);
    }

    /** The latent's number: said, or in the id {@code layer_latent_position}, or in a Cantor pair. */
    private static @Nullable Integer index(JsonNode n, String id) {
        if (n.hasNonNull("index")) {
            return n.path("index").asInt();
        }
        Integer inId = number(id, 1);
        if (inId != null) {
            return inId;
        }
        long z = n.path("feature").asLong(-1);
        if (z < 0) {
            return null;
        }
        long w = (long) ((Math.sqrt(8.0 * z + 1) - 1) / 2);
        while (w * (w + 1) / 2 > z) {
            w--;
        }
        while ((w + 1) * (w + 2) / 2 <= z) {
            w++;
        }
        return Math.toIntExact(z - w * (w + 1) / 2);
    }

    /** A part of an id {@code layer_number_position}; null if it is no such id. */
    private static @Nullable Integer number(String id, int part) {
        String[] parts = id.split("_");
        return parts.length == 3 && parts[part].matches("\\d{1,9}") ? Integer.valueOf(parts[part]) : null;
    }

    private static int number(String text) {
        try {
            return Integer.parseInt(text);
        } catch (NumberFormatException e) {
            return -1;
        }
    }
}
