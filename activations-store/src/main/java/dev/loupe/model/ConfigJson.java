package dev.loupe.model;

import dev.loupe.base.Fmt;
import dev.loupe.base.LoupeException;
import java.nio.file.Path;
import tools.jackson.databind.JsonNode;

/**
 * Numbers of a {@code config.json}, refused with their name where they make no sense.
 *
 * @param file where it comes from, for messages
 */
record ConfigJson(Path file, JsonNode json) {
    /** The first of these keys that has a value other than null; missing if there is none. */
    JsonNode first(String... keys) {
        for (String key : keys) {
            if (has(key)) {
                return json.path(key);
            }
        }
        return json.path(keys[0]);
    }

    boolean has(String key) {
        return !json.path(key).isMissingNode() && !json.path(key).isNull();
    }

    /** A whole number above 0 under the first key that has a value. */
    int natural(String... keys) {
        return natural(String.join(" or ", keys), first(keys));
    }

    int natural(String key, JsonNode node) {
        if (!node.isIntegralNumber() || !node.canConvertToInt() || node.asInt() <= 0) {
            throw refused(key + " is " + shown(node) + "; it must be a whole number above 0");
        }
        return node.asInt();
    }

    /** A finite number above 0 in a part of the description. */
    double positive(String key, JsonNode node) {
        double value = node.asDouble(Double.NaN);
        if (!(value > 0) || Double.isInfinite(value)) {
            throw refused(key + " is " + shown(node) + "; it must be a number above 0");
        }
        return value;
    }

    /** A finite number above 0, or another value where there is none. */
    double positive(String key, double otherwise) {
        return has(key) ? positive(key, json.path(key)) : otherwise;
    }

    boolean flag(String key, boolean otherwise) {
        return json.path(key).asBoolean(otherwise);
    }

    private static String shown(JsonNode node) {
        return node.isMissingNode() ? "missing" : node.toString();
    }

    LoupeException refused(String why) {
        return new LoupeException("The model description " + file + " cannot be used: " + Fmt.shown(why) + ".");
    }
}
