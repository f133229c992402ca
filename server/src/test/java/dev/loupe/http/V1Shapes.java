package dev.loupe.http;

import dev.loupe.base.Json;
import java.util.Set;
import java.util.TreeSet;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * {@code /v1} as an OpenAPI document would have it, seen from outside: the fields that requests may hold, and those that
 * answers, whole and streamed, did hold.
 */
final class V1Shapes {
    private static final String COMMON = "'model': 'builtin', 'max_tokens': 2, 'temperature': 0, 'logprobs': ";

    private V1Shapes() {}

    /** Adds the routes of {@code /v1} to the paths of a document. */
    static void add(Http http, ObjectNode document) throws Exception {
        ObjectNode paths = document.withObjectProperty("paths");
        answer(paths, "/v1/models", "get", "application/json", shape(Http.json(http.get("/v1/models"))));
        answer(
                paths,
                "/v1/models/{model}",
                "get",
                "application/json",
                shape(Http.json(http.get("/v1/models/builtin"))));
        String prompt = COMMON + "1, 'prompt': 'I would like'";
        write(http, paths, "/v1/completions", prompt, CompletionRequest.KNOWN);
        String messages = COMMON + "true, 'top_logprobs': 1, 'chat_template': '{{ messages[0].content }}',"
                + " 'messages': [{'role': 'user', 'content': 'I would like'}]";
        write(http, paths, "/v1/chat/completions", messages, ChatRequest.KNOWN);
    }

    private static void write(Http http, ObjectNode paths, String path, String request, Set<String> known)
            throws Exception {
        ObjectNode fields = answer(paths, path, "post", "application/json", shape(ask(http, path, request)))
                .withObjectProperty("requestBody")
                .withObjectProperty("content")
                .withObjectProperty("application/json")
                .withObjectProperty("schema")
                .put("type", "object")
                .withObjectProperty("properties");
        new TreeSet<>(known).forEach(fields::putObject);
        ObjectNode events = Json.MAPPER.createObjectNode();
        String streamed = body(http, path, request + ", 'stream': true, 'stream_options': {'include_usage': true}");
        streamed.lines()
                .filter(l -> l.startsWith("data: {"))
                .forEach(l -> merge(events, shape(Json.MAPPER.readTree(l.substring(6)))));
        if (events.isEmpty()) {
            throw new AssertionError(path + " streamed nothing: " + streamed);
        }
        answer(paths, path, "post", "text/event-stream", events);
    }

    private static JsonNode ask(Http http, String path, String request) throws Exception {
        return Json.MAPPER.readTree(body(http, path, request));
    }

    private static String body(Http http, String path, String request) throws Exception {
        var r = http.post(path, ("{" + request + "}").replace('\'', '"'), "Content-Type", "application/json");
        if (r.statusCode() != 200) {
            throw new AssertionError(path + ": " + r.body());
        }
        return r.body();
    }

    private static ObjectNode answer(ObjectNode paths, String path, String method, String type, JsonNode schema) {
        ObjectNode operation = paths.withObjectProperty(path).withObjectProperty(method);
        operation
                .withObjectProperty("responses")
                .withObjectProperty("200")
                .withObjectProperty("content")
                .withObjectProperty(type)
                .set("schema", schema);
        return operation;
    }

    /** The type of a value and of everything in it; nothing is said of what is null or empty. */
    private static ObjectNode shape(JsonNode value) {
        ObjectNode schema = Json.MAPPER.createObjectNode();
        if (value.isObject()) {
            ObjectNode properties = schema.put("type", "object").putObject("properties");
            value.properties().forEach(p -> properties.set(p.getKey(), shape(p.getValue())));
        } else if (value.isArray()) {
            ObjectNode items = schema.put("type", "array").putObject("items");
            value.forEach(v -> merge(items, shape(v)));
        } else if (!value.isNull()) {
            schema.put("type", value.isNumber() ? "number" : value.isBoolean() ? "boolean" : "string");
        }
        return schema;
    }

    private static void merge(ObjectNode into, ObjectNode more) {
        for (var p : more.properties()) {
            if (into.get(p.getKey()) instanceof ObjectNode known && p.getValue() instanceof ObjectNode other) {
                merge(known, other);
            } else {
                into.set(p.getKey(), p.getValue());
            }
        }
    }
}
