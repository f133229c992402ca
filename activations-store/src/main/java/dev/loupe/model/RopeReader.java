package dev.loupe.model;

import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;

/**
 * The rotary frequencies of a description: of the whole model, or apart for layers of the sliding kind ({@code
 * rope_local_base_freq}, or one entry of {@code rope_parameters} for each kind of layer).
 */
final class RopeReader {
    private final ConfigJson json;

    RopeReader(ConfigJson json) {
        this.json = json;
    }

    double theta(boolean sliding) {
        JsonNode kind = rope().path(sliding ? "sliding_attention" : "full_attention");
        if (kind.has("rope_theta")) {
            return json.positive("rope_theta", kind.path("rope_theta"));
        }
        if (sliding && json.has("rope_local_base_freq")) {
            return json.positive("rope_local_base_freq", 1);
        }
        if (rope().has("rope_theta")) {
            return json.positive("rope_theta", rope().path("rope_theta"));
        }
        return json.positive("rope_theta", json.positive("rotary_emb_base", 10_000));
    }

    private JsonNode rope() {
        return json.first("rope_parameters", "rope_scaling");
    }

    RopeScaling scaling(boolean sliding) {
        JsonNode rope = rope();
        if (rope.has("full_attention") || rope.has("sliding_attention")) {
            rope = rope.path(sliding ? "sliding_attention" : "full_attention");
        } else if (sliding && json.has("rope_local_base_freq")) {
            return RopeScaling.NONE;
        }
        String type = rope.path("rope_type").asString(rope.path("type").asString("default"));
        return switch (type) {
            case "default" -> RopeScaling.NONE;
            case "factors" -> RopeScaling.factors(factors(rope));
            case "linear" -> new RopeScaling(type, positive(rope, "factor"), 1, 1, 1);
            case "llama3" -> {
                float low = positive(rope, "low_freq_factor");
                float high = positive(rope, "high_freq_factor");
                float context = positive(rope, "original_max_position_embeddings");
                if (high <= low) {
                    throw json.refused("high_freq_factor " + high + " must be above low_freq_factor " + low);
                }
                yield new RopeScaling(type, positive(rope, "factor"), low, high, (int) context);
            }
            default ->
                throw json.refused("rotary scaling of type \"" + type
                        + "\" is not supported; supported are default, linear and llama3");
        };
    }

    private static List<Float> factors(JsonNode rope) {
        List<Float> all = new ArrayList<>();
        rope.path("factors").forEach(f -> all.add((float) f.asDouble(Double.NaN)));
        return all;
    }

    private float positive(JsonNode rope, String key) {
        return (float) json.positive("the rotary scaling's " + key, rope.path(key));
    }
}
