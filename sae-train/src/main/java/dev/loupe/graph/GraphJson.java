package dev.loupe.graph;

import dev.loupe.base.Json;
import java.util.LinkedHashMap;
import java.util.Map;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Graphs in the JSON that circuit-tracer writes and Neuronpedia shows (schema version 1), with explicit {@code index} and
 * {@code sae} fields and ids that are unique, errors' too.
 */
public final class GraphJson {
    static final String FEATURE = "cross layer transcoder";
    static final String ERROR = "mlp reconstruction error";
    static final String EMBEDDING = "embedding";
    static final String LOGIT = "logit";

    private GraphJson() {}

    /**
     * A graph as such a file.
     *
     * @param view what is pinned, grouped and named
     */
    public static JsonNode of(AttributionGraph g, GraphView view) {
        ObjectNode root = Json.MAPPER.createObjectNode();
        metadata(root.putObject("metadata"), g);
        ObjectNode shown = root.putObject("qParams");
        ArrayNode pinned = shown.putArray("pinnedIds");
        view.pinned().forEach(pinned::add);
        ArrayNode groups = shown.putArray("supernodes");
        for (GraphView.Group group : view.groups()) {
            ArrayNode a = groups.addArray().add(group.name());
            group.nodes().forEach(a::add);
        }
        shown.put("linkType", "both");
        shown.put("clickedId", view.selected() == null ? "" : view.selected());
        shown.put("sg_pos", "");
        ArrayNode nodes = root.putArray("nodes");
        String target = g.nodes().stream()
                .filter(n -> n.kind() == NodeKind.LOGIT)
                .map(GraphNode::id)
                .findFirst()
                .orElse("");
        for (GraphNode n : g.nodes()) {
            node(nodes.addObject(), n, g, view.labels().getOrDefault(n.id(), n.label()), n.id().equals(target));
        }
        ArrayNode links = root.putArray("links");
        for (GraphEdge e : g.edges()) {
            links.addObject()
                    .put("source", e.source())
                    .put("target", e.target())
                    .put("weight", e.weight());
        }
        return root;
    }

    private static void metadata(ObjectNode meta, AttributionGraph g) {
        GraphRequest r = g.request();
        meta.put("slug", g.id().isEmpty() ? "graph" : g.id());
        meta.put("scan", g.model());
        ArrayNode list = meta.putArray("transcoder_list");
        g.transcoders().forEach(list::add);
        ArrayNode tokens = meta.putArray("prompt_tokens");
        g.tokens().forEach(tokens::add);
        meta.put("prompt", String.join("", g.tokens()));
        meta.put("node_threshold", r.nodeThreshold());
        meta.put("schema_version", 1);
        ObjectNode info = meta.putObject("info");
        info.put("description", g.method());
        info.putObject("generator").put("name", "Loupe").put("url", "");
        meta.putObject("generation_settings")
                .put("max_n_logits", r.maxLogits())
                .put("desired_logit_prob", r.logitMass())
                .put("max_feature_nodes", r.maxFeatures());
        meta.putObject("pruning_settings")
                .put("node_threshold", r.nodeThreshold())
                .put("edge_threshold", r.edgeThreshold());
        if (g.scores() != null) {
            meta.put("replacement_score", g.scores().replacement());
            meta.put("completeness_score", g.scores().completeness());
        }
    }

    private static void node(
            ObjectNode node,
            GraphNode n,
            AttributionGraph g,
            @org.jspecify.annotations.Nullable String label,
            boolean target) {
        Integer feature = n.feature();
        Integer token = n.token();
        node.put("node_id", n.id());
        node.put("jsNodeId", n.id());
        node.put("layer", layer(n, g.layers()));
        node.put("ctx_idx", n.position());
        node.put("reverse_ctx_idx", g.tokens().size() - 1 - n.position());
        node.put("run_idx", 0);
        node.put("is_target_logit", target);
        node.put("clerp", label == null ? clerp(n) : label);
        node.put("influence", n.cumulative());
        node.put("node_influence", n.influence());
        switch (n.kind()) {
            case FEATURE -> {
                int index = feature == null ? 0 : feature;
                node.put("feature_type", FEATURE);
                node.put("feature", pair(n.layer(), index));
                node.put("index", index);
                node.put("activation", n.activation());
            }
            case ERROR -> node.put("feature_type", ERROR).put("feature", -1).putNull("activation");
            case EMBEDDING -> {
                node.put("feature_type", EMBEDDING);
                node.put("feature", n.position()); // as circuit-tracer does; the token is in the id
                node.putNull("activation");
            }
            case LOGIT -> {
                node.put("feature_type", LOGIT);
                node.put("feature", token == null ? -1 : token);
                node.put("token_prob", n.probability());
                node.put("activation", n.activation());
            }
        }
        if (n.sae() != null) {
            node.put("sae", n.sae());
        }
    }

    private static String clerp(GraphNode n) {
        return switch (n.kind()) {
            case FEATURE -> "";
            case ERROR -> "Err: mlp at layer " + n.layer();
            case EMBEDDING -> "Emb: \"" + n.text() + "\"";
            case LOGIT ->
                n.token() == null
                        ? "Output difference \"" + n.text() + "\""
                        : "Output \"" + n.text() + "\" (p=" + Math.round(n.probability() * 1000) / 1000.0 + ")";
        };
    }

    /** As circuit-tracer counts: E for embeddings, one above the number of blocks for logits. */
    private static String layer(GraphNode n, int layers) {
        return switch (n.kind()) {
            case EMBEDDING -> "E";
            case LOGIT -> Integer.toString(layers + 1);
            case FEATURE, ERROR -> Integer.toString(n.layer());
        };
    }

    /** The Cantor pair of two numbers. */
    static long pair(long a, long b) {
        return (a + b) * (a + b + 1) / 2 + b;
    }

    /**
     * Fields of a file's {@code qParams} as a view.
     *
     * @param idOf the id of a node here by its id there
     */
    static GraphView view(JsonNode root, java.util.function.UnaryOperator<String> idOf) {
        JsonNode q = root.path("qParams");
        java.util.List<String> pinned = new java.util.ArrayList<>();
        q.path("pinnedIds").forEach(id -> pinned.add(idOf.apply(id.asString(""))));
        java.util.List<GraphView.Group> groups = new java.util.ArrayList<>();
        for (JsonNode g : q.path("supernodes")) {
            java.util.List<String> ids = new java.util.ArrayList<>();
            for (int i = 1; i < g.size(); i++) {
                ids.add(idOf.apply(g.get(i).asString("")));
            }
            groups.add(new GraphView.Group(g.path(0).asString(""), ids));
        }
        Map<String, String> labels = new LinkedHashMap<>();
        String clicked = q.path("clickedId").asString("");
        return new GraphView(pinned, groups, labels, clicked.isEmpty() ? null : idOf.apply(clicked), null);
    }
}
