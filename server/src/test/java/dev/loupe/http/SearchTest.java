package dev.loupe.http;

import static dev.loupe.http.Http.json;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.cli.SmallWorkspace;
import java.net.URLEncoder;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/** Finding features over HTTP. */
class SearchTest {
    private static Http http;

    @BeforeAll
    static void start() {
        http = new Http(SmallWorkspace.folder(), null);
    }

    @AfterAll
    static void stop() {
        http.close();
    }

    private static JsonNode get(String path) throws Exception {
        HttpResponse<String> r = http.get(path);
        assertThat(r.statusCode()).as(r.body()).isEqualTo(200);
        return json(r);
    }

    @Test
    void words_and_regular_expressions_find_features_within_the_filters() throws Exception {
        JsonNode all = get("/api/search?sae=tiny-s0&q=rapport&limit=100").path("hits");
        assertThat(all).isNotEmpty();
        JsonNode sparse = get("/api/search?sae=tiny-s0&q=rapport&limit=100&max_density=0.05")
                .path("hits");
        assertThat(sparse.size()).isLessThan(all.size());
        for (JsonNode h : sparse) {
            assertThat(h.path("hit").path("summary").path("density").asDouble()).isLessThanOrEqualTo(0.05);
        }
        String digits = URLEncoder.encode("^\\d+$", StandardCharsets.UTF_8);
        JsonNode regex = get("/api/search?sae=tiny-s0&by=regex&q=" + digits).path("hits");
        assertThat(regex).isNotEmpty();
        assertThat(regex.get(0).path("hit").path("where").asString()).isEqualTo("regex");
    }

    @Test
    void of_a_text_that_is_too_long_it_is_said_what_was_left_out() throws Exception {
        String text = "Thank you very much. ".repeat(200);
        for (String route : new String[] {"test", "on-text"}) {
            JsonNode r = json(http.post("/api/features/tiny-s0/" + route, "{\"text\": \"" + text + "\"}"));
            int kept = r.path("tokens").size();
            assertThat(kept).isEqualTo(256); // as long as the SAE's training had it
            assertThat(r.path("cut_tokens").asInt()).isPositive();
            StringBuilder all = new StringBuilder();
            r.path("tokens").forEach(t -> all.append(t.asString()));
            all.append(r.path("cut_text").asString());
            assertThat(all.toString()).endsWith(text);
        }
        JsonNode whole = json(http.post("/api/features/tiny-s0/test", "{\"text\": \"Thank you\"}"));
        assertThat(whole.path("cut_tokens").asInt()).isZero();
        // answers in another program's shape have no place to say so
        HttpResponse<String> theirs = http.post(
                "/api/activation/source",
                "{\"modelId\": \"builtin\", \"source\": \"tiny-s0\", \"customText\": \"" + text + "\"}");
        assertThat(theirs.statusCode()).isEqualTo(400);
        assertThat(theirs.body()).contains("shorter text");
    }

    @Test
    void the_pictures_numbers_come_over_http() throws Exception {
        JsonNode map = get("/api/features/tiny-s0/map");
        assertThat(map.path("x")).hasSize(128);
        assertThat(map.path("y")).hasSize(128);
        assertThat(get("/api/features/tiny-s0/map")).isEqualTo(map); // kept, and nothing in it is random
        JsonNode curves = get("/api/features/tiny-s0/training").path("curves");
        assertThat(curves.path("loss")).hasSameSizeAs(curves.path("step")).isNotEmpty();
    }

    @Test
    void a_features_neurons_and_its_like_in_other_saes_come_over_http() throws Exception {
        JsonNode neurons = get("/api/features/tiny-s0/3/neurons?limit=4");
        assertThat(neurons.path("dimensions")).hasSize(4);
        assertThat(neurons.path("writers")).hasSize(4);
        assertThat(get("/api/features/tiny-s0/3/neurons?writers=false").path("writers"))
                .isEmpty();
        JsonNode together = get("/api/features/tiny-s0/3/correlations?limit=4&tokens=2000");
        assertThat(together.path("neurons")).hasSize(4);
        assertThat(together.path("dimensions")).hasSize(4);
        assertThat(together.path("tokens").asInt()).isBetween(1500, 2500);
        HttpResponse<String> many = http.get("/api/features/tiny-s0/3/correlations?tokens=2000000");
        assertThat(many.statusCode()).isEqualTo(400);
        assertThat(many.body()).contains("at most 1000000 tokens");
        JsonNode found = get("/api/features/tiny-s0/3/counterparts").path("counterparts");
        assertThat(found).isNotEmpty();
        assertThat(found.get(0).path("sae").asString()).isEqualTo("tiny-s1");
        assertThat(found.get(0).has("compared")).isTrue();
        for (String what : new String[] {"neurons", "correlations", "counterparts"}) {
            for (String id : new String[] {"128", "-1"}) {
                HttpResponse<String> none = http.get("/api/features/tiny-s0/" + id + "/" + what);
                assertThat(none.statusCode()).isEqualTo(404);
                assertThat(none.body()).contains("0 to 127");
            }
        }
        HttpResponse<String> empty = http.post("/api/features/tiny-s0/test", "{\"text\": \"a\", \"ids\": [\"\"]}");
        assertThat(empty.statusCode()).isEqualTo(400);
        assertThat(empty.body()).contains("ids");
    }

    @Test
    void neighbours_in_both_saes_come_with_their_overlap() throws Exception {
        int id = get("/api/features/tiny-s0?sort=density&descending=true&limit=1")
                .path("features")
                .get(0)
                .path("id")
                .asInt();
        JsonNode same =
                get("/api/features/tiny-s0/" + id + "/neighbours?limit=5").path("neighbours");
        JsonNode nearest = get("/api/features/tiny-s0/" + id).path("nearest");
        assertThat(same).hasSize(5);
        assertThat(same.get(0).path("id")).isEqualTo(nearest.get(0).path("id"));
        assertThat(same.get(0).path("cosine").asDouble())
                .isCloseTo(nearest.get(0).path("cosine").asDouble(), within(1e-4));
        JsonNode other =
                get("/api/features/tiny-s0/" + id + "/neighbours?other=tiny-s1").path("neighbours");
        assertThat(other.get(0).path("overlap").path("rows").asDouble()).isNotNegative();
        JsonNode together =
                get("/api/features/tiny-s0/" + id + "/coactivation?limit=3").path("latents");
        assertThat(together).hasSize(3);
        assertThat(together.get(0).path("exact").asBoolean()).isTrue();
        JsonNode rest = get("/api/features/tiny-s0/" + id + "/coactivation?offset=1&limit=2")
                .path("latents");
        assertThat(rest.get(0)).isEqualTo(together.get(1));
    }

    @Test
    void a_text_names_features_per_token_and_over_chosen_tokens() throws Exception {
        String text = "{\"text\": \"I would like to thank the rapporteur\"";
        JsonNode all = json(http.post("/api/features/tiny-s0/on-text", text + ", \"per_token\": 2}"));
        int n = all.path("tokens").size();
        assertThat(all.path("per_token").size()).isEqualTo(n);
        assertThat(all.path("per_token").get(2)).hasSize(2);
        JsonNode chosen = json(http.post("/api/features/tiny-s0/on-text", text + ", \"positions\": [2, 3]}"));
        for (JsonNode f : chosen.path("features")) {
            double sum =
                    f.path("values").get(2).asDouble() + f.path("values").get(3).asDouble();
            assertThat(f.path("sum").asDouble()).isCloseTo(sum, within(1e-4)).isPositive();
        }
        JsonNode sparse = json(http.post("/api/features/tiny-s0/on-text", text + ", \"max_density\": 0.02}"));
        for (JsonNode f : sparse.path("features")) {
            assertThat(f.path("summary").path("density").asDouble()).isLessThanOrEqualTo(0.02);
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "/api/search?q=(&by=regex                             | 400 | regular expression",
                "/api/search?q=a&by=magic                             | 400 | magic",
                "/api/features/tiny-s0/999/neighbours                 | 404 | 999",
                "/api/features/tiny-s0/1/neighbours?other=nobody      | 404 | nobody",
                "/api/features/tiny-s0/1/coactivation?other=nobody    | 404 | nobody",
            })
    void what_is_wrong_is_said_in_one_sentence(String path, int status, String word) throws Exception {
        HttpResponse<String> r = http.get(path);
        assertThat(r.statusCode()).as(r.body()).isEqualTo(status);
        assertThat(json(r).path("detail").asString()).contains(word);
    }
}
