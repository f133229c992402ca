package dev.loupe.http;

import static dev.loupe.http.Http.json;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.base.Json;
import dev.loupe.cli.SmallWorkspace;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/** Finding what to steer by, and Neuronpedia's shapes, over HTTP. */
class FinderTest {
    private static Http http;

    @BeforeAll
    static void start() {
        http = new Http(SmallWorkspace.folder(), null);
    }

    @AfterAll
    static void stop() {
        http.close();
    }

    @Test
    void aContrastIsSavedAsAVectorThatSteers() throws Exception {
        String body = """
                {"sae": "tiny-s0", "limit": 5, "save": "french",
                 "a": ["Je voudrais remercier le rapporteur", "Nous devons voter", "Le débat est clos"],
                 "b": ["I would like to thank the rapporteur", "We must vote", "The debate is closed"]}""";
        HttpResponse<String> r = http.post("/api/steer/contrast", body);
        assertThat(r.statusCode()).as(r.body()).isEqualTo(200);
        JsonNode c = json(r);
        assertThat(c.path("hook").asString()).isEqualTo(SmallWorkspace.HOOK);
        assertThat(c.path("features")).hasSize(5);
        assertThat(c.path("probe_accuracy").asDouble()).isBetween(0.5, 1.0);
        assertThat(c.path("difference")).hasSize(192);
        String steer = "{\"prompt\": \"We must\", \"max_tokens\": 6, \"temperature\": 0, \"variant\": {\"edits\":"
                + " [{\"vector\": \"french\", \"op\": \"add\", \"strength\": 4}]}}";
        JsonNode steered = json(http.post("/api/steer", steer));
        assertThat(steered.path("kl").asDouble()).isGreaterThan(0.1);
        Files.delete(SmallWorkspace.folder().resolve("variants/vectors/french.json"));
    }

    @Test
    void whatADifferenceSharesWithTextsToKeepIsTakenOut() throws Exception {
        String body = """
                {"sae": "tiny-s0", "limit": 1, "keep": KEEP, "rho": RHO, "save": "isolated",
                 "a": ["Je voudrais remercier le rapporteur", "Nous devons voter"],
                 "b": ["I would like to thank the rapporteur", "We must vote"]}""";
        Path saved = SmallWorkspace.folder().resolve("variants/vectors/isolated.json");
        String spanish = "[[\"Quiero dar las gracias al ponente\", \"Tenemos que votar\"]]";
        JsonNode nothing = contrast(body, spanish, "0");
        JsonNode isolated = nothing.path("isolated");
        assertThat(isolated.path("values")).isEqualTo(nothing.path("difference"));
        assertThat(isolated.path("shared").asDouble()).isPositive().isLessThan(1);
        assertThat(isolated.path("dropped")).isEmpty();
        JsonNode most = contrast(body, spanish, "null");
        assertThat(most.path("isolated").path("rho").asDouble()).isEqualTo(0.75);
        assertThat(most.path("isolated").path("values")).isNotEqualTo(most.path("difference"));
        // the texts of A kept: all of the difference is shared, and nothing of it is left
        String same = "[[\"Je voudrais remercier le rapporteur\", \"Nous devons voter\"]]";
        JsonNode all = contrast(body, same, "1");
        assertThat(all.path("isolated").path("shared").asDouble()).isCloseTo(1, within(1e-9));
        assertThat(all.path("isolated").path("values").valueStream().mapToDouble(JsonNode::asDouble))
                .allSatisfy(v -> assertThat(v).isCloseTo(0, within(1e-5)));
        assertThat(Json.tree(saved).path("values"))
                .hasSameSizeAs(all.path("difference"))
                .isNotEqualTo(all.path("difference"));
        assertThat(contrast(body, "null", "null").path("isolated").isNull()).isTrue();
        Files.delete(saved);
    }

    private static JsonNode contrast(String body, String keep, String rho) throws Exception {
        HttpResponse<String> r =
                http.post("/api/steer/contrast", body.replace("KEEP", keep).replace("RHO", rho));
        assertThat(r.statusCode()).as(r.body()).isEqualTo(200);
        return json(r);
    }

    @Test
    void aTokenIsAttributedToFeatures() throws Exception {
        JsonNode a = json(
                http.post(
                        "/api/steer/attribution",
                        "{\"sae\": \"tiny-s0\", \"text\": \"I would like to thank the\", \"token\": \" Commission\", \"limit\": 4}"));
        assertThat(a.path("token_text").asString()).isEqualTo(" Commission");
        assertThat(a.path("features")).hasSize(4);
        double sum = 0;
        for (JsonNode s : a.path("features").get(0).path("scores")) {
            sum += s.asDouble();
        }
        assertThat(a.path("features").get(0).path("score").asDouble()).isCloseTo(sum, within(1e-4));
        assertThat(a.path("logprob").asDouble()).isNegative();
    }

    @Test
    void aTokenThatNobodyWaitsForIsNotAttributed() throws Exception {
        assertThat(http.leaving("/api/steer/attribution", "{\"sae\": \"tiny-s0\", \"text\": \"We must\"}"))
                .isEqualTo(409);
    }

    @Test
    void featuresAndActivationsComeInNeuronpediasShape() throws Exception {
        JsonNode f = json(http.get("/api/feature/builtin/tiny-s0/3"));
        assertThat(f.path("modelId").asString()).isEqualTo("builtin");
        assertThat(f.path("layer").asString()).isEqualTo("tiny-s0");
        assertThat(f.path("index").asString()).isEqualTo("3");
        JsonNode detail = json(http.get("/api/features/tiny-s0/3"));
        assertThat(f.path("maxActApprox").asDouble())
                .isEqualTo(detail.path("summary").path("max").asDouble());
        assertThat(f.path("frac_nonzero").asDouble())
                .isEqualTo(detail.path("summary").path("density").asDouble());
        assertThat(f.path("pos_str")).hasSameSizeAs(detail.path("promoted"));
        assertThat(f.path("activations")).hasSameSizeAs(detail.path("examples"));
        String text = "I would like to thank the rapporteur";
        JsonNode top = json(http.post(
                "/api/search-topk-by-token",
                "{\"modelId\": \"builtin\", \"source\": \"tiny-s0\", \"numResults\": 2, \"text\": \"" + text + "\"}"));
        JsonNode last = top.path("results").get(top.path("results").size() - 1);
        assertThat(last.path("topFeatures")).hasSize(2);
        int id = last.path("topFeatures").get(0).path("featureIndex").asInt();
        double value = last.path("topFeatures").get(0).path("activationValue").asDouble();
        JsonNode one = json(http.post(
                "/api/activation/new",
                "{\"feature\": {\"modelId\": \"builtin\", \"source\": \"tiny-s0\", \"index\": \"" + id
                        + "\"}, \"customText\": \"" + text + "\"}"));
        assertThat(one.path("values").get(one.path("values").size() - 1).asDouble())
                .isCloseTo(value, within(1e-5));
        assertThat(one.path("maxValue").asDouble())
                .isEqualTo(one.path("values")
                        .get(one.path("maxValueTokenIndex").asInt())
                        .asDouble());
        JsonNode source = json(http.post(
                "/api/activation/source",
                "{\"modelId\": \"builtin\", \"source\": \"tiny-s0\", \"customText\": [\"" + text + "\", \"so\"]}"));
        assertThat(source.path("results")).hasSize(2);
        JsonNode whole = source.path("results").get(0);
        assertThat(whole.path("tokens")).isEqualTo(one.path("tokens"));
        int there = 0;
        for (JsonNode at : whole.path("activeFeatures").path(String.valueOf(id))) {
            assertThat(at.get(1).asDouble())
                    .isEqualTo(one.path("values").get(at.get(0).asInt()).asDouble());
            there++;
        }
        assertThat(there).isEqualTo((int)
                one.path("values").valueStream().filter(v -> v.asDouble() > 0).count());
        JsonNode all = json(http.post(
                "/api/search-all",
                "{\"modelId\": \"builtin\", \"sourceSet\": \"x\", \"selectedLayers\": [], \"sortIndexes\": [3], \"text\": \""
                        + text + "\"}"));
        assertThat(all.path("result")).isNotEmpty();
        assertThat(all.path("result").get(0).path("values").get(3).asDouble()).isPositive();
    }

    @Test
    void trialsOfLanguagesAreListed() throws Exception {
        assertThat(json(http.get("/api/steer/languages")).path("trials").isArray())
                .isTrue();
        assertThat(http.get("/api/steer/languages/nobody").statusCode()).isEqualTo(404);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "/api/steer/contrast      | {'sae': 'tiny-s0', 'a': ['x'], 'b': ['y', 'z']}           | 400 | 2 to 256",
                "/api/steer/contrast      | {'sae': 'tiny-s0', 'a': ['x', 'y']}                        | 400 | a and b",
                "/api/steer/contrast      | {'sae': 'tiny-s0', 'a': ['x', 'y'], 'b': ['y', 'z'], 'keep': [['x']]} | 400 | to keep",
                "/api/steer/contrast      | {'sae': 'tiny-s0', 'a': ['x', 'y'], 'b': ['y', 'z'], 'keep': [null]} | 400 | keep",
                "/api/steer/contrast      | {'sae': 'tiny-s0', 'a': ['x', 'y'], 'b': ['y', 'z'], 'keep': [['v', 'w']], 'rho': 2} | 400 | rho",
                "/api/steer/contrast      | {'a': ['x', 'y'], 'b': ['y', 'z']}                         | 400 | sae",
                "/api/steer/attribution   | {'sae': 'tiny-s0', 'text': ''}                             | 400 | text",
                "/api/steer/attribution   | {'sae': 'nobody', 'text': 'a'}                             | 404 | nobody",
                "/api/steer/attribution   | {'sae': 'tiny-s0', 'text': 'a', 'token': 'several words'}  | 400 | one token",
                "/api/activation/new      | {'feature': {'modelId': 'gpt2', 'source': 'tiny-s0', 'index': 1}} | 404 | builtin",
                "/api/search-topk-by-token| {'modelId': 'builtin', 'source': 'tiny-s0', 'text': 'a', 'numResults': 99} | 400 | numResults",
                "/api/search-all          | {'modelId': 'builtin', 'text': 'a', 'sortIndexes': [99]}   | 400 | sortIndexes",
                "/api/activation/source   | {'modelId': 'builtin', 'source': 'tiny-s0', 'customText': ['a', 'a', 'a', 'a', 'a']} | 400 | 1 to 4",
                "/api/activation/source   | {'modelId': 'builtin', 'source': 'tiny-s0'}                | 400 | customText",
            })
    void whatCannotBeAnsweredIsSaid(String path, String body, int status, String word) throws Exception {
        HttpResponse<String> r = http.post(path.strip(), body.replace('\'', '"'));
        assertThat(r.statusCode()).as(r.body()).isEqualTo(status);
        assertThat(json(r).path("detail").asString()).contains(word);
    }
}
