package dev.loupe.http;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import tools.jackson.databind.JsonNode;

/** What a newer OpenAPI document takes away from programs that were written for an older one. */
final class ApiChanges {
    private final JsonNode before;
    private final JsonNode now;
    private final List<String> broken = new ArrayList<>();
    private final Set<String> seen = new HashSet<>();

    private ApiChanges(JsonNode before, JsonNode now) {
        this.before = before;
        this.now = now;
    }

    /** One line for each route, field or value that is gone, and for each new thing that requests must hold or no longer may. */
    static List<String> breaking(JsonNode before, JsonNode now) {
        ApiChanges changes = new ApiChanges(before, now);
        for (Map.Entry<String, JsonNode> path : before.path("paths").properties()) {
            for (Map.Entry<String, JsonNode> method : path.getValue().properties()) {
                changes.operation(
                        method.getKey() + " " + path.getKey(),
                        method.getValue(),
                        now.path("paths").path(path.getKey()).path(method.getKey()));
            }
        }
        return changes.broken;
    }

    private void operation(String name, JsonNode old, JsonNode current) {
        if (current.isMissingNode()) {
            broken.add(name + ": the route is gone");
            return;
        }
        Map<String, JsonNode> knew = parameters(old);
        Map<String, JsonNode> has = parameters(current);
        has.forEach((parameter, p) -> {
            if (required(p) && !knew.containsKey(parameter)) {
                broken.add(name + ": new required parameter, " + parameter);
            }
        });
        knew.forEach((parameter, p) -> {
            JsonNode other = has.get(parameter);
            if (other == null) {
                broken.add(name + ": no parameter any more, " + parameter);
                return;
            }
            if (required(other) && !required(p)) {
                broken.add(name + ": now needs the parameter " + parameter);
            }
            taken(name + " " + parameter, resolve(before, p.path("schema")), resolve(now, other.path("schema")), true);
        });
        JsonNode oldBody = old.path("requestBody");
        JsonNode body = current.path("requestBody");
        if (required(body) && !required(oldBody)) {
            broken.add(name + ": now needs a body");
        }
        if (!oldBody.isMissingNode() && body.isMissingNode()) {
            broken.add(name + ": takes no body any more");
        }
        media(oldBody).forEach((type, schema) -> {
            JsonNode other = body.path("content").path(type).path("schema");
            taken(name + " body", resolve(before, schema), resolve(now, other), true);
        });
        for (Map.Entry<String, JsonNode> answer : old.path("responses").properties()) {
            JsonNode other = current.path("responses").path(answer.getKey());
            if (other.isMissingNode()) {
                broken.add(name + ": no answer " + answer.getKey() + " any more");
            }
            media(answer.getValue()).forEach((type, schema) -> {
                if (!other.path("content").has(type)) {
                    broken.add(name + ": does not answer " + type + " any more");
                } else {
                    taken(
                            name + " " + answer.getKey(),
                            resolve(before, schema),
                            resolve(now, other.path("content").path(type).path("schema")),
                            false);
                }
            });
        }
    }

    /** Fields of the old schema that the new one lacks, types that changed, newly required fields of bodies, fields of answers that may be missing. */
    private void taken(String where, JsonNode old, JsonNode current, boolean body) {
        // schemas name one another in circles: each pair is looked at once
        if (old.isMissingNode()
                || !seen.add(System.identityHashCode(old) + " " + System.identityHashCode(current) + " " + body)) {
            return;
        }
        if (old.has("type") && current.has("type") && !old.path("type").equals(current.path("type"))) {
            broken.add(where + ": was " + old.path("type") + ", is " + current.path("type"));
            return;
        }
        values(where, old.path("enum"), current.path("enum"), body);
        Set<String> were = names(old.path("required"));
        Set<String> are = names(current.path("required"));
        for (String field : body ? are : were) {
            if (body && !were.contains(field)) {
                broken.add(where + ": newly required field " + field);
            } else if (!body && !are.contains(field)) {
                broken.add(where + ": the field " + field + " is not always there any more");
            }
        }
        for (Map.Entry<String, JsonNode> field : old.path("properties").properties()) {
            JsonNode other = current.path("properties").path(field.getKey());
            if (other.isMissingNode()) {
                broken.add(where + ": no field " + field.getKey() + " any more");
            } else {
                taken(where + "." + field.getKey(), resolve(before, field.getValue()), resolve(now, other), body);
            }
        }
        for (String inner : List.of("items", "additionalProperties")) {
            if (old.path(inner).isObject()) {
                taken(where + "[]", resolve(before, old.path(inner)), resolve(now, current.path(inner)), body);
            }
        }
    }

    /**
     * Values that are gone. Where a request may hold only some values and could hold any before, all others are. In an answer
     * a program may wait for a value that never comes any more; that values come which it does not know is no break.
     */
    private void values(String where, JsonNode old, JsonNode current, boolean request) {
        if (old.isMissingNode() && !current.isMissingNode() && request) {
            broken.add(where + ": takes only " + current + " any more");
        }
        if (!current.isMissingNode()) {
            Set<JsonNode> left = new HashSet<>();
            current.forEach(left::add);
            old.forEach(value -> {
                if (!left.contains(value)) {
                    broken.add(where + ": no value " + value + " any more");
                }
            });
        }
    }

    private static Set<String> names(JsonNode list) {
        Set<String> names = new TreeSet<>();
        list.forEach(name -> names.add(name.asString("")));
        return names;
    }

    private static Map<String, JsonNode> parameters(JsonNode operation) {
        Map<String, JsonNode> all = new TreeMap<>();
        operation
                .path("parameters")
                .forEach(p ->
                        all.put(p.path("in").asString("") + " " + p.path("name").asString(""), p));
        return all;
    }

    private static boolean required(JsonNode node) {
        return node.path("required").asBoolean(false);
    }

    private static Map<String, JsonNode> media(JsonNode holder) {
        Map<String, JsonNode> all = new TreeMap<>();
        holder.path("content")
                .properties()
                .forEach(e -> all.put(e.getKey(), e.getValue().path("schema")));
        return all;
    }

    private static JsonNode resolve(JsonNode document, JsonNode schema) {
        String ref = schema.path("$ref").asString("");
        return ref.isEmpty()
                ? schema
                : document.path("components").path("schemas").path(ref.substring(ref.lastIndexOf('/') + 1));
    }
}
