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
import tools.jackson.databind.node.ObjectNode;

/**
 * {@code /api} and {@code /v1} only grow. The document of the last release is committed; {@code -Dloupe.openapi=FILE} writes the present one
 * there, for the next release.
 */
class ApiChangesTest {
    private static final Path LAST = Path.of("src/test/resources/openapi-0.1.json");

    private static final String SMALL = """
            {'paths': {'/a/{id}': {'get': {'parameters': [{'name': 'id', 'in': 'path', 'required': true},
            {'name': 'q', 'in': 'query'}, {'name': 'p', 'in': 'query', 'schema': {'type': 'string', 'enum': ['one', 'two']}}], 'responses': {'200': {'content': {'application/json': {'schema':
            {'$ref': '#/components/schemas/A'}}}}}}, 'post': {'requestBody': {'content': {'application/json': {'schema':
            {'$ref': '#/components/schemas/B'}}}}, 'responses': {}}}},
            'components': {'schemas': {'A': {'type': 'object', 'required': ['x'], 'properties': {'x': {'type': 'number'},
            'all': {'type': 'array', 'items': {'$ref': '#/components/schemas/C'}}}},
            'B': {'type': 'object', 'properties': {'n': {'type': 'integer'}, 'way': {'type': 'string', 'enum': ['up', 'down']},
            'by': {'type': 'object', 'additionalProperties': {'type': 'integer'}}, 'free': {'type': 'string'}}},
            'C': {'type': 'object', 'properties': {'deep': {'type': 'string'}, 'state': {'type': 'string',
            'enum': ['open', 'shut']}}}}}}""";

    @TempDir
    Path folder;

    @Test
    void nothingOfTheLastReleaseIsGone() throws Exception {
        try (Http http = new Http(folder, null)) {
            ObjectNode now = (ObjectNode) Http.json(http.get("/api/openapi.json"));
            V1Shapes.add(http, now);
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
            quoteCharacter = '~',
            value = {
                "'/a/{id}' | '/b/{id}' | the route is gone",
                "'get' | 'put' | the route is gone",
                "{'name': 'q', 'in': 'query'} | {'name': 'r', 'in': 'query'} | no parameter any more",
                "'in': 'query'} | 'in': 'query'}, {'name': 'z', 'in': 'query', 'required': true} | new required parameter",
                "'x': {'type' | 'y': {'type' | no field x any more",
                "'x': {'type': 'number'} | 'x': {'type': 'string'} | was",
                "'deep' | 'shallow' | no field deep any more",
                "'B': {'type': 'object', | 'B': {'type': 'object', 'required': ['n'], | newly required field n",
                "'required': ['x'], | '': 0, | the field x is not always there any more",
                "'200' | '201' | no answer 200 any more",
                "{'name': 'q', 'in': 'query'} | {'name': 'q', 'in': 'query', 'required': true} | now needs the parameter query q",
                "'schema': {'type': 'string', 'enum': ['one' | 'schema': {'type': 'integer', 'enum': ['one' | was",
                "['one', 'two'] | ['one'] | no value `two` any more",
                "'requestBody': { | 'requestBody': {'required': true, | now needs a body",
                "'requestBody' | 'x-body' | takes no body any more",
                "['up', 'down'] | ['up', 'left'] | no value `down` any more",
                "['open', 'shut'] | ['open'] | no value `shut` any more",
                "'free': {'type': 'string'} | 'free': {'type': 'string', 'enum': ['a']} | takes only",
                "'additionalProperties': {'type': 'integer'} | 'additionalProperties': {'type': 'string'} | was",
                "'items': {'$ref': '#/components/schemas/C'} | 'items': {'$ref': '#/components/schemas/A'} | no field deep any more",
            })
    void whatIsTakenAwayIsSeen(String old, String changed, String sentence) {
        JsonNode before = json(SMALL);
        assertThat(ApiChanges.breaking(before, before)).isEmpty();
        assertThat(SMALL).contains(old);
        assertThat(ApiChanges.breaking(before, json(SMALL.replace(old, changed))))
                .anySatisfy(line -> assertThat(line).contains(sentence.replace('`', '"')));
    }

    @Test
    void whatIsAddedIsFine() {
        String more = SMALL.replace("'x': {'type'", "'new': {'type': 'string'}, 'x': {'type'")
                .replace("{'name': 'q', 'in': 'query'}", "{'name': 'q', 'in': 'query'}, {'name': 'r', 'in': 'query'}")
                .replace("'/a/{id}'", "'/c': {'get': {}}, '/a/{id}'")
                .replace("'up'", "'up', 'left'")
                .replace("'open'", "'open', 'ajar'")
                .replace("['one', 'two']", "['three', 'one', 'two']");
        assertThat(ApiChanges.breaking(json(SMALL), json(more))).isEmpty();
    }

    private static JsonNode json(String text) {
        return Json.MAPPER.readTree(text.replace('\'', '"'));
    }
}
