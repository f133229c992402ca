package dev.loupe.e2e;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;

/** Attribution graphs in circuit-tracer's JSON, made up, of any size; some of their labels are markup. */
final class MadeGraph {
    private static final int LAYERS = 6;
    private static final int POSITIONS = 11;

    private MadeGraph() {}

    /** A graph with so many features, an embedding for each position, and three logits. */
    static String json(int features) {
        Random random = new Random(5);
        List<String> nodes = new ArrayList<>();
        List<String> links = new ArrayList<>();
        StringBuilder tokens = new StringBuilder("\"<bos>\"");
        for (int p = 0; p < POSITIONS; p++) {
            nodes.add(node("E_" + (p + 1) + "_" + p, "E", p, "embedding", "Emb", -1, 0));
            if (p > 0) {
                tokens.append(", \" ")
                        .append(p == 2 ? quoted(RealWorkspace.EVIL) : "word" + p)
                        .append('"');
            }
        }
        List<int[]> made = new ArrayList<>();
        for (int i = 0; i < features; i++) {
            int layer = i * LAYERS / features;
            int position = Math.max(random.nextInt(POSITIONS), random.nextInt(POSITIONS));
            String id = layer + "_" + (1000 + i) + "_" + position;
            String label = i % 50 == 1 ? quoted(RealWorkspace.EVIL) : "feature " + i;
            nodes.add(node(id, String.valueOf(layer), position, "cross layer transcoder", label, 1000 + i, 0));
            links.add(link("E_" + (position + 1) + "_" + position, id, random.nextGaussian()));
            for (int k = 0; k < 6 && i > 0; k++) {
                int[] source = made.get(random.nextInt(made.size()));
                if (source[0] < layer && source[1] <= position) {
                    links.add(link(source[0] + "_" + source[2] + "_" + source[1], id, random.nextGaussian()));
                }
            }
            made.add(new int[] {layer, position, 1000 + i});
        }
        for (int k = 0; k < 3; k++) {
            String id = LAYERS + "_" + k + "_" + (POSITIONS - 1);
            nodes.add(
                    node(id, String.valueOf(LAYERS), POSITIONS - 1, "logit", " answer" + k, -1, Math.pow(0.5, k + 1)));
            for (int j = k; j < made.size(); j += 3) {
                int[] source = made.get(j);
                links.add(link(source[0] + "_" + source[2] + "_" + source[1], id, random.nextGaussian()));
            }
        }
        return "{\"metadata\": {\"slug\": \"made\", \"scan\": \"made-up\", \"transcoder_list\": [], \"prompt_tokens\": ["
                + tokens
                + "], \"prompt\": \"a made-up prompt\", \"schema_version\": 1}, \"qParams\": {\"pinnedIds\": [],"
                + " \"supernodes\": [], \"linkType\": \"both\", \"clickedId\": \"\"}, \"nodes\": ["
                + String.join(",\n", nodes) + "], \"links\": [" + String.join(",\n", links) + "]}";
    }

    private static String node(
            String id, String layer, int position, String type, String label, int index, double probability) {
        return String.format(
                Locale.ROOT,
                "{\"node_id\": \"%s\", \"jsNodeId\": \"%s\", \"layer\": \"%s\", \"ctx_idx\": %d, \"feature_type\": \"%s\","
                        + " \"clerp\": \"%s\", \"token_prob\": %f, \"is_target_logit\": false, \"activation\": 1.5%s}",
                id,
                id,
                layer,
                position,
                type,
                label,
                probability,
                index < 0 ? "" : ", \"index\": " + index);
    }

    private static String link(String source, String target, double weight) {
        return String.format(
                Locale.ROOT, "{\"source\": \"%s\", \"target\": \"%s\", \"weight\": %.4f}", source, target, weight);
    }

    private static String quoted(String text) {
        return text.replace("\\", "\\\\").replace("\"", "\\\"");
    }
}
