package dev.loupe.patch;

import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Circuits in the JSON of attribution graphs that circuit-tracer writes and Neuronpedia shows (schema version 1). What is
 * written has explicit {@code layer} and {@code index} fields and ids that are unique, also for errors; what is read may
 * have its features as Cantor pairs of layer and index.
 */
public final class TracerGraph {
    private static final String FEATURE = "cross layer transcoder";
    private static final String ERROR = "mlp reconstruction error";

    private TracerGraph() {}

    /** A circuit as such a graph. */
    public static JsonNode of(Circuit c) {
        ObjectNode root = Json.MAPPER.createObjectNode();
        ObjectNode meta = root.putObject("metadata");
        String model = c.request().patch().model() == null
                ? "builtin"
                : c.request().patch().model();
        meta.put("slug", c.id().isEmpty() ? "circuit" : c.id());
        meta.put("scan", model);
        ArrayNode saes = meta.putArray("transcoder_list");
        c.request().saes().forEach(saes::add);
        ArrayNode tokens = meta.putArray("prompt_tokens");
        c.tokens().forEach(tokens::add);
        meta.put("prompt", String.join("", c.tokens()));
        meta.put("node_threshold", 1.0);
        meta.put("schema_version", 1);
        ObjectNode info = meta.putObject("info");
        info.put("description", c.how());
        info.putObject("generator").put("name", "Loupe").put("url", "");
        ObjectNode view = root.putObject("qParams");
        view.putArray("pinnedIds");
        view.putArray("supernodes");
        view.put("linkType", "both");
        view.put("clickedId", "");
        ArrayNode nodes = root.putArray("nodes");
        Map<String, String> ids = new LinkedHashMap<>();
        double all = c.nodes().stream().mapToDouble(n -> Math.abs(n.effect())).sum();
        double before = 0;
        for (Circuit.Node n : c.nodes()) {
            Integer latent = n.latent();
            boolean error = latent == null;
            int index = latent == null ? -1 : latent;
            String id = n.layer() + "_" + (error ? "error-" + n.sae() : n.sae() + "-" + index) + "_" + n.position();
            ids.put(n.id(), id);
            before += Math.abs(n.effect());
            ObjectNode node = nodes.addObject();
            node.put("node_id", id);
            node.put("jsNodeId", id);
            node.put("layer", Integer.toString(n.layer()));
            node.put("ctx_idx", n.position());
            node.put("feature_type", error ? ERROR : FEATURE);
            node.put("clerp", n.id());
            node.put("influence", all == 0 ? 0 : before / all);
            node.put("is_target_logit", false);
            node.put("run_idx", 0);
            node.put("reverse_ctx_idx", 0);
            node.put("sae", n.sae());
            node.put("hook", n.hook());
            node.put("effect", n.effect());
            if (error) {
                node.putNull("feature");
            } else {
                node.put("feature", pair(n.layer(), index));
                node.put("index", index);
            }
        }
        ArrayNode links = root.putArray("links");
        for (Circuit.Edge e : c.edges()) {
            links.addObject()
                    .put("source", ids.get(e.source()))
                    .put("target", ids.get(e.target()))
                    .put("weight", e.weight());
        }
        return root;
    }

    /**
     * Reads a graph of circuit-tracer (or one of ours). Nodes that are no features keep their kind in their id.
     *
     * @throws LoupeException if it is no such graph, in one sentence
     */
    public static Circuit read(Path file) {
        JsonNode root = Json.tree(file);
        if (!root.path("nodes").isArray()
                || !root.path("links").isArray()
                || !root.path("metadata").isObject()) {
            throw new LoupeException(
                    "The file " + file + " is no attribution graph: it lacks metadata, nodes or links.");
        }
        JsonNode meta = root.path("metadata");
        List<String> tokens = new ArrayList<>();
        meta.path("prompt_tokens").forEach(t -> tokens.add(t.asString("")));
        Map<String, Double> out = new LinkedHashMap<>();
        Set<String> known = new HashSet<>();
        List<Circuit.Edge> edges = new ArrayList<>();
        for (JsonNode link : root.path("links")) {
            String source = link.path("source").asString("");
            double weight = link.path("weight").asDouble(0);
            edges.add(new Circuit.Edge(source, link.path("target").asString(""), weight));
            out.merge(source, Math.abs(weight), Double::sum);
        }
        List<Circuit.Node> nodes = new ArrayList<>();
        for (JsonNode n : root.path("nodes")) {
            String id = n.path("node_id").asString("");
            if (id.isEmpty() || !known.add(id)) {
                throw new LoupeException("The graph " + file + " has two nodes \"" + id
                        + "\"; node ids must be unique, so its errors and features cannot be told apart.");
            }
            nodes.add(node(n, id, out.getOrDefault(id, 0.0), Math.max(1, tokens.size())));
        }
        for (Circuit.Edge e : edges) {
            if (!known.contains(e.source()) || !known.contains(e.target())) {
                throw new LoupeException("The graph " + file + " has a link from \"" + e.source() + "\" to \""
                        + e.target() + "\", of which one is no node.");
            }
        }
        List<String> saes = new ArrayList<>();
        meta.path("transcoder_list").forEach(t -> saes.add(t.asString("")));
        PatchRequest patch = PatchRequest.of(meta.path("prompt").asString(""), "", "", "")
                .withModel(meta.path("scan").asString(""));
        return new Circuit(
                Circuit.FORMAT,
                "",
                Instant.now().truncatedTo(ChronoUnit.SECONDS).toString(),
                "attribution graph, imported from " + file.getFileName() + "; effects of nodes are the sums of their"
                        + " outgoing weights",
                new CircuitRequest(patch, saes, List.of(), 0, 0, true, 0),
                "",
                tokens,
                1,
                0,
                nodes.size(),
                nodes,
                edges,
                0,
                0,
                Map.of(),
                "weight",
                0);
    }

    private static Circuit.Node node(JsonNode n, String id, double out, int positions) {
        String type = n.path("feature_type").asString("");
        int layer = layer(n.path("layer").asString(""));
        Integer index = n.hasNonNull("index") ? n.path("index").asInt() : null;
        if (index == null && type.equals(FEATURE) && n.path("feature").isIntegralNumber()) {
            index = second(n.path("feature").asLong());
        }
        int position = Math.clamp(n.path("ctx_idx").asInt(0), 0, positions - 1);
        double effect = n.hasNonNull("effect") ? n.path("effect").asDouble() : out;
        double[] byPosition = new double[positions];
        byPosition[position] = effect;
        return new Circuit.Node(
                id,
                n.path("sae").asString(type),
                n.path("hook").asString(type),
                layer,
                index,
                effect,
                position,
                byPosition);
    }

    private static int layer(String text) {
        try {
            return Integer.parseInt(text);
        } catch (NumberFormatException e) {
            return -1; // "E", the embeddings
        }
    }

    /** The Cantor pair of two numbers. */
    static long pair(long a, long b) {
        return (a + b) * (a + b + 1) / 2 + b;
    }

    /** The second number of a Cantor pair; null if it is none. */
    static @Nullable Integer second(long z) {
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
}
