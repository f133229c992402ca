package dev.loupe.http;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/** The fields of a request's JSON object; every way to get one wrong is a {@link BadParameter} that names it. */
record Fields(JsonNode body) {
    /** Strings that may end a text. */
    static final int MOST_STOPS = 16;

    private static final int LONGEST_STOP = 1000;

    Fields {
        if (!body.isObject()) {
            throw new BadParameter("The body must be a JSON object.", null);
        }
    }

    /** Refuses what is in no list, so that a misspelt name is not ignored. */
    void only(Set<String> known) {
        for (String key : body.propertyNames()) {
            if (!known.contains(key)) {
                throw new BadParameter("The parameter " + key + " is unknown.", key);
            }
        }
    }

    JsonNode node(String key) {
        return body.path(key);
    }

    boolean has(String key) {
        return !body.path(key).isMissingNode() && !body.path(key).isNull();
    }

    double number(String key, double otherwise, double least, double most) {
        JsonNode value = body.path(key);
        if (!has(key)) {
            return otherwise;
        }
        if (!value.isNumber() || !(value.asDouble() >= least && value.asDouble() <= most)) {
            throw new BadParameter(
                    key + " must be a number from " + plain(least) + " to " + plain(most) + ", not " + shown(value)
                            + ".",
                    key);
        }
        return value.asDouble();
    }

    int integer(String key, int otherwise, int least, int most) {
        JsonNode value = body.path(key);
        if (has(key) && (!value.isIntegralNumber() || !value.canConvertToInt())) {
            throw new BadParameter(key + " must be a whole number, not " + shown(value) + ".", key);
        }
        return (int) number(key, otherwise, least, most);
    }

    boolean flag(String key) {
        JsonNode value = body.path(key);
        if (has(key) && !value.isBoolean()) {
            throw new BadParameter(key + " must be true or false, not " + shown(value) + ".", key);
        }
        return value.asBoolean(false);
    }

    String text(String key, String otherwise) {
        JsonNode value = body.path(key);
        if (!has(key)) {
            return otherwise;
        }
        if (!value.isString()) {
            throw new BadParameter(key + " must be a text, not " + shown(value) + ".", key);
        }
        return value.asString();
    }

    /** The seed, or a random one. */
    long seed() {
        if (!has("seed")) {
            return java.util.concurrent.ThreadLocalRandom.current().nextLong();
        }
        JsonNode value = body.path("seed");
        if (!value.isIntegralNumber() || !value.canConvertToLong()) {
            throw new BadParameter("seed must be a whole number, not " + shown(value) + ".", "seed");
        }
        return value.asLong();
    }

    /** One stop string or a list of them. */
    List<String> stop() {
        JsonNode stop = body.path("stop");
        List<String> all = new ArrayList<>();
        if (!has("stop") || stop.isArray() && stop.isEmpty()) {
            return all;
        }
        if (stop.isArray() && stop.size() > MOST_STOPS) {
            throw new BadParameter(
                    "stop takes at most " + MOST_STOPS + " texts; these are " + stop.size() + ".", "stop");
        }
        for (JsonNode s : stop.isArray() ? stop : List.of(stop)) {
            if (!s.isString() || s.asString().isEmpty() || s.asString().length() > LONGEST_STOP) {
                throw new BadParameter(
                        "stop must be a text or a list of texts of 1 to " + LONGEST_STOP + " characters.", "stop");
            }
            all.add(s.asString());
        }
        return all;
    }

    /** Biases of logits by token id. */
    Map<Integer, Double> logitBias(int vocabulary) {
        Map<Integer, Double> all = new HashMap<>();
        JsonNode bias = body.path("logit_bias");
        if (!has("logit_bias")) {
            return all;
        }
        if (!bias.isObject()) {
            throw new BadParameter("logit_bias must be an object of token ids and numbers.", "logit_bias");
        }
        bias.properties().forEach(e -> {
            boolean id = e.getKey().matches("\\d{1,9}") && Integer.parseInt(e.getKey()) < vocabulary;
            boolean value = e.getValue().isNumber() && Math.abs(e.getValue().asDouble()) <= 100;
            if (!id || !value) {
                throw new BadParameter(
                        "logit_bias has \"" + e.getKey() + "\": " + shown(e.getValue()) + "; it takes token ids below "
                                + vocabulary + " and numbers from -100 to 100.",
                        "logit_bias");
            }
            all.put(Integer.parseInt(e.getKey()), e.getValue().asDouble());
        });
        return all;
    }

    private static String plain(double v) {
        return v == Math.rint(v) && Math.abs(v) < 1e15 ? Long.toString((long) v) : Double.toString(v);
    }

    /** A value as it came, cut. */
    static String shown(JsonNode value) {
        String text = value.toString();
        return text.length() > 60 ? text.substring(0, 60) + "..." : text;
    }
}
