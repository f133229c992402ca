package dev.loupe.http;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
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

    /** One line for each route, field or value that is gone, and for each new thing that requests must hold. */
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
        Set<String> knew = new HashSet<>();
        old.path("parameters")
                .forEach(p -> knew.add(
                        p.path("in").asString("") + " " + p.path("name").asString("")));
        Set<String> has = new HashSet<>();
        for (JsonNode p : current.path("parameters")) {
            String parameter = p.path("in").asString("") + " " + p.path("name").asString("");
            has.add(parameter);
            if (p.path("required").asBoolean(false) && !knew.contains(parameter)) {
                broken.add(name + ": new required parameter, " + parameter);
            }
        }
        knew.stream().filter(p -> !has.contains(p)).forEach(p -> broken.add(name + ": no parameter any more, " + p));
        JsonNode oldBody = old.path("requestBody");
        JsonNode body = current.path("requestBody");
        if (oldBody.isMissingNode() && body.path("required").asBoolean(false)) {
            broken.add(name + ": now needs a body");
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

    /** Fields of the old schema that the new one lacks, types that changed, and for bodies fields that are newly required. */
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
        if (body) {
            Set<String> required = new HashSet<>();
            old.path("required").forEach(r -> required.add(r.asString("")));
            current.path("required").forEach(r -> {
                if (!required.contains(r.asString(""))) {
                    broken.add(where + ": newly required field " + r.asString(""));
                }
            });
        }
        for (Map.Entry<String, JsonNode> field : old.path("properties").properties()) {
            JsonNode other = current.path("properties").path(field.getKey());
            if (other.isMissingNode()) {
                broken.add(where + ": no field " + field.getKey() + " any more");
            } else {
                taken(where + "." + field.getKey(), resolve(before, field.getValue()), resolve(now, other), body);
            }
        }
        if (old.has("items")) {
            taken(where + "[]", resolve(before, old.path("items")), resolve(now, current.path("items")), body);
        }
    }

    private static Map<String, JsonNode> media(JsonNode holder) {
        Map<String, JsonNode> all = new java.util.TreeMap<>();
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
