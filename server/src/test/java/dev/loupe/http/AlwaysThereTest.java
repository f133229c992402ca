package dev.loupe.http;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.cli.SmallWorkspace;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** Fields that the OpenAPI document says are always there: they are, in what routes answer on a real workspace. */
class AlwaysThereTest {
    /** What stands for the variable parts of paths, by their name. */
    private static final Map<String, String> PARTS = Map.of(
            "sae", "tiny-s0", "a", "tiny-s0", "b", "tiny-s1", "id", "0", "feature", "0", "store", "small", "model",
            "builtin");

    private final List<String> missing = new ArrayList<>();
    private JsonNode document;
    private int looked;

    @Test
    void whatIsSaidToBeAlwaysThereIs() throws Exception {
        List<String> answered = new ArrayList<>();
        try (Http http = new Http(SmallWorkspace.folder(), null)) {
            document = Http.json(http.get("/api/openapi.json"));
            for (Map.Entry<String, JsonNode> path : document.path("paths").properties()) {
                JsonNode media = path.getValue().at("/get/responses/200/content/application~1json/schema");
                if (media.isMissingNode() || path.getKey().contains("events")) {
                    continue;
                }
                for (String name : List.of("tiny-s0", "small", "builtin")) {
                    HttpResponse<String> answer = http.get("/api" + filled(path.getKey(), name));
                    if (answer.statusCode() == 200) {
                        answered.add(path.getKey());
                        look(path.getKey(), media, Http.json(answer));
                        break;
                    }
                }
            }
        }
        assertThat(answered).hasSizeGreaterThan(25);
        assertThat(looked).as("fields looked for").isGreaterThan(500);
        assertThat(missing).isEmpty();
    }

    private static String filled(String path, String name) {
        String filled = path;
        for (Map.Entry<String, String> part : PARTS.entrySet()) {
            filled = filled.replace("{" + part.getKey() + "}", part.getValue());
        }
        return filled.replaceAll("\\{[^}]*}", name) + (path.endsWith("/search") ? "?q=a&sae=tiny-s0" : "");
    }

    private void look(String where, JsonNode schema, JsonNode value) {
        JsonNode s = schema;
        if (s.has("$ref")) {
            s = document.at(s.path("$ref").asString("").substring(1));
        }
        for (JsonNode field : s.path("required")) {
            looked++;
            if (!value.has(field.asString("")) || value.path(field.asString("")).isNull()) {
                missing.add(where + ": " + field.asString(""));
            }
        }
        if (value.isObject()) {
            for (Map.Entry<String, JsonNode> field : value.properties()) {
                JsonNode inner = s.path("properties").path(field.getKey());
                if (inner.isMissingNode()) {
                    inner = s.path("additionalProperties");
                }
                if (!field.getValue().isNull()) {
                    look(where + "." + field.getKey(), inner, field.getValue());
                }
            }
        }
        if (value.isArray()) {
            for (int i = 0; i < Math.min(3, value.size()); i++) {
                look(where + "[]", s.path("items"), value.path(i));
            }
        }
    }
}
