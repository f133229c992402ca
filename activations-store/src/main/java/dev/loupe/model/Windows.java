package dev.loupe.model;

import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;

/** Which layers of a model see a window of keys, and how many keys that is. */
final class Windows {
    private final Family family;
    private final ConfigJson json;
    private final int nLayers;
    private final int window;
    private final List<String> listed;

    Windows(Family family, ConfigJson json, int nLayers, int nCtx) {
        this.family = family;
        this.json = json;
        this.nLayers = nLayers;
        this.listed = listed();
        boolean any = family.windows() != Family.Windows.NONE && json.flag("use_sliding_window", true);
        String key = family.windows() == Family.Windows.LISTED ? "window_size" : "sliding_window";
        int keys = any && json.has(key) ? json.natural(key) : 0;
        this.window = keys >= nCtx ? 0 : keys;
    }

    /** Whether a layer is of the sliding kind (its window may still be as long as the context). */
    boolean slides(int layer) {
        if (family.windows() == Family.Windows.NONE || !json.has(key())) {
            return false;
        }
        if (!listed.isEmpty()) {
            return listed.get(layer).startsWith("sliding") || listed.get(layer).equals("local");
        }
        return switch (family.windows()) {
            case NONE, LISTED -> false;
            case ALL -> true;
            case UPPER ->
                json.flag("use_sliding_window", false)
                        && layer >= json.json().path("max_window_layers").asInt(nLayers);
            case PATTERN -> (layer + 1) % json.natural("_sliding_window_pattern", "sliding_window_pattern") != 0;
        };
    }

    /** Keys that a query of the layer sees; 0 for all before it. */
    int size(int layer) {
        return slides(layer) ? window : 0;
    }

    private String key() {
        return family.windows() == Family.Windows.LISTED ? "window_size" : "sliding_window";
    }

    /** The kind of each layer, if the description lists them. */
    private List<String> listed() {
        List<String> kinds = new ArrayList<>();
        JsonNode list = family.windows() == Family.Windows.LISTED
                ? json.json().path("attention_layers")
                : json.json().path("layer_types");
        list.forEach(kind -> kinds.add(kind.asString("")));
        if (kinds.isEmpty() && family.windows() == Family.Windows.LISTED) {
            // [[["global", "local"], 6]]: a group of kinds and how often it repeats
            for (JsonNode group : json.json().path("attention_types")) {
                int times = json.natural("attention_types", group.path(1));
                for (int i = 0; i < Math.min(times, nLayers); i++) {
                    group.path(0).forEach(kind -> kinds.add(kind.asString("")));
                }
            }
        }
        if (!kinds.isEmpty() && kinds.size() != nLayers
                || family.windows() == Family.Windows.LISTED && kinds.isEmpty()) {
            throw json.refused("the kinds of attention are listed for " + kinds.size() + " of " + nLayers + " layers");
        }
        for (String kind : kinds) {
            if (!List.of("sliding_attention", "full_attention", "global", "local")
                    .contains(kind)) {
                throw json.refused("attention of the kind \"" + kind + "\" is not supported");
            }
        }
        return kinds;
    }
}
