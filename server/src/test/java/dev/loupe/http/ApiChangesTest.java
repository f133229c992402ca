package dev.loupe.http;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.base.Json;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/**
 * {@code /api} only grows. The document of the last release is committed; {@code -Dloupe.openapi=FILE} writes the present one
 * there, for the next release.
 */
class ApiChangesTest {
    private static final Path LAST = Path.of("src/test/resources/openapi-0.1.json");

    private static final String SMALL = """
            {'paths': {'/a/{id}': {'get': {'parameters': [{'name': 'id', 'in': 'path', 'required': true},
            {'name': 'q', 'in': 'query'}], 'responses': {'200': {'content': {'application/json': {'schema':
            {'$ref': '#/components/schemas/A'}}}}}}, 'post': {'requestBody': {'content': {'application/json': {'schema':
            {'$ref': '#/components/schemas/B'}}}}, 'responses': {}}}},
            'components': {'schemas': {'A': {'type': 'object', 'properties': {'x': {'type': 'number'},
            'all': {'type': 'array', 'items': {'$ref': '#/components/schemas/C'}}}},
            'B': {'type': 'object', 'properties': {'n': {'type': 'integer'}}},
            'C': {'type': 'object', 'properties': {'deep': {'type': 'string'}}}}}}""";

    @TempDir
    Path folder;

    @Test
    void nothingOfTheLastReleaseIsGone() throws Exception {
        try (Http http = new Http(folder, null)) {
            JsonNode now = Http.json(http.get("/api/openapi.json"));
            String target = System.getProperty("loupe.openapi", "");
            if (!target.isEmpty()) {
                Files.writeString(Path.of(target), Json.MAPPER.writeValueAsString(now) + "\n");
            }
            assertThat(ApiChanges.breaking(Json.tree(LAST), now)).isEmpty();
        }
        assertThat(Json.tree(LAST).path("paths").size()).isGreaterThan(50);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "'/a/{id}' | '/b/{id}' | the route is gone",
                "'get' | 'put' | the route is gone",
                "{'name': 'q', 'in': 'query'} | {'name': 'r', 'in': 'query'} | no parameter any more",
                "'in': 'query'} | 'in': 'query'}, {'name': 'z', 'in': 'query', 'required': true} | new required parameter",
                "'x': {'type' | 'y': {'type' | no field x any more",
                "'x': {'type': 'number'} | 'x': {'type': 'string'} | was",
                "'deep' | 'shallow' | no field deep any more",
                "'n': {'type': 'integer'}} | 'n': {'type': 'integer'}}, 'required': ['n'] | newly required field n",
                "'200' | '201' | no answer 200 any more",
            })
    void whatIsTakenAwayIsSeen(String old, String changed, String sentence) {
        JsonNode before = json(SMALL);
        assertThat(ApiChanges.breaking(before, before)).isEmpty();
        assertThat(SMALL).contains(old);
        assertThat(ApiChanges.breaking(before, json(SMALL.replace(old, changed))))
                .anySatisfy(line -> assertThat(line).contains(sentence));
    }

    @Test
    void whatIsAddedIsFine() {
        String more = SMALL.replace("'x': {'type'", "'new': {'type': 'string'}, 'x': {'type'")
                .replace("{'name': 'q', 'in': 'query'}", "{'name': 'q', 'in': 'query'}, {'name': 'r', 'in': 'query'}")
                .replace("'/a/{id}'", "'/c': {'get': {}}, '/a/{id}'");
        assertThat(ApiChanges.breaking(json(SMALL), json(more))).isEmpty();
    }

    private static JsonNode json(String text) {
        return Json.MAPPER.readTree(text.replace('\'', '"'));
    }
}
