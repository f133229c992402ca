package dev.loupe.http;

import static dev.loupe.http.Http.json;
import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.cli.SmallWorkspace;
import java.net.http.HttpResponse;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** The routes under /api, over HTTP. */
class ApiTest {
    private static Http http;

    @BeforeAll
    static void start() {
        http = new Http(SmallWorkspace.folder(), null);
    }

    @AfterAll
    static void stop() {
        http.close();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"/api", "/api/", "/api/nothing", "/api/saes/x/y/z", "/api/docs/secret.txt", "/api/features"})
    void unknownPathsAreProblemsNeverAPage(String path) throws Exception {
        HttpResponse<String> r = http.get(path);
        assertThat(r.statusCode()).isEqualTo(404);
        assertThat(r.headers().firstValue("content-type")).hasValue("application/problem+json");
        assertThat(json(r).path("status").asInt()).isEqualTo(404);
        assertThat(json(r).path("detail").asString()).isNotBlank();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "GET    | /api/saes/nobody               |                        | 404 | no SAE",
                "GET    | /api/features/nobody           |                        | 404 | no SAE",
                "GET    | /api/features/tiny-s0/9999     |                        | 404 | 9999",
                "GET    | /api/features/tiny-s0/abc      |                        | 404 | abc",
                "GET    | /api/features/tiny-s0?sort=age |                        | 400 | age",
                "GET    | /api/features/tiny-s0?group=x  |                        | 400 | cross-lingual",
                "GET    | /api/features/tiny-s0?limit=x  |                        | 400 | limit",
                "GET    | /api/stores/..%2f..            |                        | 400 |",
                "GET    | /api/search?q=                 |                        | 400 | empty",
                "GET    | /api/jobs/none                 |                        | 404 | none",
                "GET    | /api/jobs/none/events          |                        | 404 | none",
                "GET    | /api/comparisons/tiny-s1/tiny-s0 |                      | 404 | loupe compare",
                "POST   | /api/steer                     | {                      | 400 | JSON",
                "POST   | /api/steer                     | {\"prompt\": \"\"}     | 400 | empty",
                "POST   | /api/steer                     |                        | 400 | body",
                "POST   | /api/patches                   | {\"clean\": \"a\"}     | 400 |",
                "POST   | /api/jobs                      | {\"kind\": \"dance\", \"request\": {}} | 400 | dance",
                "POST   | /api/features/tiny-s0/test     | {\"text\": \" \"}      | 400 | empty",
                "PUT    | /api/variants/v                | {\"edits\": [{\"op\": \"add\"}]} | 400 | exactly one",
                "DELETE | /api/variants/nobody           |                        | 404 | nobody",
                "DELETE | /api/models                    |                        | 405 | DELETE",
            })
    void whatIsWrongIsSaidInOneSentence(String method, String path, String body, int status, String word)
            throws Exception {
        HttpResponse<String> r = http.send(method, path, body == null ? "" : body);
        assertThat(r.statusCode()).as(r.body()).isEqualTo(status);
        assertThat(r.headers().firstValue("content-type").orElse("")).startsWith("application/problem+json");
        JsonNode problem = json(r);
        assertThat(problem.path("title").asString()).isNotBlank();
        assertThat(problem.path("detail").asString()).contains(word == null ? "" : word);
    }

    @Test
    void theCatalogueShowsWhatTheWorkspaceHolds() throws Exception {
        assertThat(json(http.get("/api/models"))
                        .path("models")
                        .get(0)
                        .path("id")
                        .asString())
                .isEqualTo("builtin");
        assertThat(json(http.get("/api/models/builtin/hooks")).path("hooks").size())
                .isGreaterThan(50);
        assertThat(json(http.get("/api/stores"))
                        .path("stores")
                        .get(0)
                        .path("name")
                        .asString())
                .isEqualTo("small");
        assertThat(json(http.get("/api/stores/small/head?rows=3")).path("rows")).hasSize(3);
        JsonNode sae = json(http.get("/api/saes/tiny-s0"));
        assertThat(sae.path("sae").path("d_sae").asInt()).isEqualTo(128);
        assertThat(sae.path("sae").path("indexed").asBoolean()).isTrue();
        assertThat(sae.path("report").path("fvu").asDouble()).isBetween(0.0, 1.0);
        JsonNode overview = json(http.get("/api/overview"));
        assertThat(overview.path("saes")).hasSize(2);
        assertThat(overview.path("comparisons").get(0).path("a").asString()).isEqualTo("tiny-s0");
    }

    @Test
    void featuresAreListedSortedFilteredAndPaged() throws Exception {
        JsonNode all = json(http.get("/api/features/tiny-s0?sort=density&descending=true&dead=true&limit=0"));
        assertThat(all.path("total").asInt()).isEqualTo(128);
        double last = 1;
        for (JsonNode f : all.path("features")) {
            assertThat(f.path("density").asDouble()).isLessThanOrEqualTo(last);
            last = f.path("density").asDouble();
        }
        JsonNode page = json(http.get("/api/features/tiny-s0?sort=density&descending=true&dead=true&offset=2&limit=3"));
        assertThat(page.path("features")).hasSize(3);
        assertThat(page.path("features").get(0)).isEqualTo(all.path("features").get(2));
        JsonNode dense = json(http.get("/api/features/tiny-s0?min_density=0.2&limit=0"));
        for (JsonNode f : dense.path("features")) {
            assertThat(f.path("density").asDouble()).isGreaterThanOrEqualTo(0.2);
        }
        assertThat(dense.path("total").asInt()).isBetween(1, 127);
        JsonNode contextual = json(http.get("/api/features/tiny-s0?sort=token_r2&descending=true&limit=0"));
        assertThat(contextual.path("features").get(0).path("token_r2").asDouble())
                .isPositive();
        JsonNode single = json(http.get("/api/features/tiny-s0?group=single-token&limit=0"));
        for (JsonNode f : single.path("features")) {
            assertThat(f.path("top_token_share").asDouble()).isGreaterThanOrEqualTo(0.8);
        }
        assertThat(single.path("total").asInt())
                .isLessThan(contextual.path("total").asInt());
    }

    @Test
    void aFeatureIsShownFoundAndTestedOnText() throws Exception {
        JsonNode top = json(http.get("/api/features/tiny-s0?sort=density&descending=true&limit=1"))
                .path("features")
                .get(0);
        int id = top.path("id").asInt();
        JsonNode detail = json(http.get("/api/features/tiny-s0/" + id));
        assertThat(detail.path("summary")).isEqualTo(top);
        assertThat(detail.path("examples")).isNotEmpty();
        JsonNode hits =
                json(http.get("/api/search?sae=tiny-s0&limit=5&q=rapport")).path("hits");
        assertThat(hits.size()).isBetween(1, 5);
        JsonNode test = json(http.post(
                "/api/features/tiny-s0/test",
                "{\"text\": \"I would like to thank the rapporteur\", \"ids\": [" + id + "]}"));
        assertThat(test.path("features")).hasSize(1);
        assertThat(test.path("features").get(0).path("values").size())
                .isEqualTo(test.path("tokens").size());
        for (String route : List.of("/api/features/tiny-s0/test", "/api/features/tiny-s0/on-text")) {
            HttpResponse<String> none = http.post(route, "{\"text\": \"Thank you\", \"limit\": -1}");
            assertThat(none.statusCode()).isEqualTo(400);
            assertThat(none.body()).contains("limit must be 1 or more, not -1.");
        }
        JsonNode strongest = json(http.post("/api/features/tiny-s0/test", "{\"text\": \"Thank you\", \"limit\": 2}"));
        assertThat(strongest.path("features")).hasSize(2);
        assertThat(strongest.path("features").get(0).path("max").asDouble())
                .isGreaterThanOrEqualTo(
                        strongest.path("features").get(1).path("max").asDouble());
    }

    @Test
    void aPromptPairIsPatchedAndTheResultIsKept() throws Exception {
        JsonNode r = json(http.post("/api/patches", """
                {"clean": "I would like to thank the rapporteur. I", "corrupt": "We would like to thank the rapporteur. We",
                 "answer": " am", "wrong": " are", "method": "atp", "sites": ["resid_post"]}"""));
        assertThat(r.path("clean_difference").asDouble())
                .isGreaterThan(r.path("corrupt_difference").asDouble());
        String id = r.path("id").asString();
        assertThat(json(http.get("/api/patches/" + id)).path("grids")).isEqualTo(r.path("grids"));
        assertThat(json(http.get("/api/patches")).path("patches").toString()).contains(id);
    }

    @Test
    void aPromptIsSteeredWholeAndAsAStreamWithTheSameTexts() throws Exception {
        String body = """
                {"prompt": "I would like to thank", "max_tokens": 6, "temperature": 0,
                 "variant": {"edits": [{"feature": "tiny-s0:3", "op": "add", "strength": 4, "unit": "absolute"}]}%s}""";
        JsonNode whole = json(http.post("/api/steer", body.formatted("")));
        assertThat(whole.path("kl").asDouble()).isPositive();
        HttpResponse<String> stream = http.post("/api/steer", body.formatted(", \"stream\": true"));
        assertThat(stream.headers().firstValue("content-type").orElse("")).startsWith("text/event-stream");
        StringBuilder plain = new StringBuilder();
        StringBuilder steered = new StringBuilder();
        JsonNode result = null;
        String name = "";
        for (String line : stream.body().lines().toList()) {
            if (line.startsWith("event: ")) {
                name = line.substring(7);
            } else if (line.startsWith("data: ")) {
                JsonNode data = dev.loupe.base.Json.MAPPER.readTree(line.substring(6));
                if (name.equals("text")) {
                    (data.path("steered").asBoolean() ? steered : plain)
                            .append(data.path("text").asString());
                } else {
                    result = data;
                }
            }
        }
        assertThat(plain).hasToString(whole.path("default").asString());
        assertThat(steered).hasToString(whole.path("steered").asString());
        assertThat(result).isNotNull();
        assertThat(result.path("steered")).isEqualTo(whole.path("steered"));
    }

    @Test
    void variantsAreSavedListedReadAndDeleted() throws Exception {
        String body = "{\"edits\": [{\"neuron\": \"2:5\", \"op\": \"scale\", \"strength\": 3}]}";
        assertThat(http.send("PUT", "/api/variants/louder", body).statusCode()).isEqualTo(200);
        assertThat(json(http.get("/api/variants")).path("variants").toString()).contains("louder");
        assertThat(json(http.get("/api/variants/louder"))
                        .path("edits")
                        .get(0)
                        .path("neuron")
                        .asString())
                .isEqualTo("2:5");
        assertThat(http.send("DELETE", "/api/variants/louder", "").statusCode()).isEqualTo(200);
        assertThat(http.get("/api/variants/louder").statusCode()).isEqualTo(404);
    }

    @Test
    void everyRouteIsInTheOpenApiDocumentAndTheOtherWayRound() throws Exception {
        JsonNode document = json(http.get("/api/openapi.json"));
        Set<String> documented = new HashSet<>();
        document.path("paths")
                .properties()
                .forEach(p -> p.getValue()
                        .propertyNames()
                        .forEach(m -> documented.add(m.toUpperCase(java.util.Locale.ROOT) + " " + p.getKey())));
        Set<String> registered = new HashSet<>();
        http.server().api().javalin().unsafe.internalRouter.allHttpHandlers().stream()
                .filter(h -> h.endpoint.method.isHttpMethod()) // not what is done before or after
                .forEach(h -> registered.add(h.endpoint.method + " " + h.endpoint.path));
        assertThat(documented).isEqualTo(registered).contains("GET /health", "POST /steer", "GET /jobs/{id}/events");
        JsonNode schemas = document.path("components").path("schemas");
        assertThat(schemas.path("SaeView").path("properties").has("d_sae")).isTrue();
        assertThat(schemas.path("JobState").isMissingNode()
                        || schemas.path("JobState").has("type"))
                .isTrue();
        String text = document.toString();
        java.util.regex.Matcher refs =
                java.util.regex.Pattern.compile("#/components/schemas/([^\"]+)").matcher(text);
        while (refs.find()) {
            assertThat(schemas.has(refs.group(1))).as(refs.group(1)).isTrue();
        }
    }

    @Test
    void theDocumentationPageLoadsItsFiles() throws Exception {
        HttpResponse<String> page = http.get("/api/docs");
        assertThat(page.body()).contains("<meta charset=\"utf-8\">");
        for (String file : new String[] {"swagger-ui.css", "swagger-ui-bundle.js", "start.js"}) {
            assertThat(page.body()).contains("/api/docs/" + file);
            assertThat(http.get("/api/docs/" + file).statusCode()).as(file).isEqualTo(200);
        }
    }
}
