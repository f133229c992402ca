package dev.loupe.http;

import dev.loupe.base.UsageException;
import dev.loupe.service.Requests;
import dev.loupe.service.Views;
import io.javalin.http.Context;
import tools.jackson.databind.JsonNode;

/** Query parameters and bodies, with one sentence for each way to get them wrong. */
final class Params {
    private Params() {}

    static int integer(Context ctx, String name, int otherwise) {
        String text = ctx.queryParam(name);
        if (text == null || text.isBlank()) {
            return otherwise;
        }
        try {
            return Integer.parseInt(text.strip());
        } catch (NumberFormatException e) {
            throw new UsageException("The parameter " + name + " is \"" + text + "\"; it must be a whole number.");
        }
    }

    static double number(Context ctx, String name, double otherwise) {
        String text = ctx.queryParam(name);
        if (text == null || text.isBlank()) {
            return otherwise;
        }
        try {
            return Double.parseDouble(text.strip());
        } catch (NumberFormatException e) {
            throw new UsageException("The parameter " + name + " is \"" + text + "\"; it must be a number.");
        }
    }

    static boolean flag(Context ctx, String name, boolean otherwise) {
        String text = ctx.queryParam(name);
        if (text == null || text.isBlank()) {
            return otherwise;
        }
        return switch (text) {
            case "true" -> true;
            case "false" -> false;
            default ->
                throw new UsageException("The parameter " + name + " is \"" + text + "\"; it must be true or false.");
        };
    }

    static String text(Context ctx, String name, String otherwise) {
        String text = ctx.queryParam(name);
        return text == null ? otherwise : text;
    }

    static int id(Context ctx, String name) {
        String text = ctx.pathParam(name);
        try {
            return Integer.parseInt(text);
        } catch (NumberFormatException e) {
            throw new dev.loupe.base.NotFoundException(
                    "There is no feature \"" + text + "\"; features are named by their number.");
        }
    }

    /** Lists have no holes: what is in one is something. */
    private static void whole(JsonNode node, String name) {
        if (node.isArray()) {
            for (JsonNode element : node) {
                if (element.isNull()) {
                    throw new UsageException(name + " has a list with null in it; leave that out.");
                }
                whole(element, name);
            }
        } else if (node.isObject()) {
            node.properties().forEach(p -> whole(p.getValue(), "\"" + p.getKey() + "\""));
        }
    }

    static <T> T body(Context ctx, Class<T> type) {
        String body = ctx.body();
        if (body.isBlank()) {
            throw new UsageException("The request has no body; this route takes a JSON object.");
        }
        JsonNode tree = Views.JSON.readTree(body);
        whole(tree, "The body");
        T value = tree.isNull() ? null : Requests.read(tree, type);
        if (value == null) {
            throw new UsageException("The body is null; this route takes a JSON object.");
        }
        return value;
    }
}
