package dev.loupe.http;

import static dev.loupe.http.Http.json;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.cli.SmallWorkspace;
import java.net.http.HttpResponse;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/** The text inspector over HTTP. */
class InspectTest {
    private static final String TEXT = "I would like to thank the rapporteur";

    private static Http http;

    @BeforeAll
    static void start() {
        http = new Http(SmallWorkspace.folder(), null);
    }

    @AfterAll
    static void stop() {
        http.close();
    }

    private static JsonNode post(String path, String rest) throws Exception {
        HttpResponse<String> r = http.post(path, "{\"text\": \"" + TEXT + "\"" + rest + "}");
        assertThat(r.statusCode()).as(r.body()).isEqualTo(200);
        return json(r);
    }

    @Test
    void lens_attention_and_attribution_answer_for_every_position() throws Exception {
        int n = post("/api/inspect/tokens", "").path("tokens").size();
        JsonNode lens = post("/api/inspect/lens", ", \"top\": 3, \"token\": \" the\"");
        assertThat(lens.path("cells").size()).isEqualTo(lens.path("layers").size());
        for (JsonNode row : lens.path("cells")) {
            assertThat(row.size()).isEqualTo(n);
            assertThat(row.get(0).path("top").size()).isEqualTo(3);
            assertThat(row.get(0).path("rank").asInt()).isPositive();
        }
        assertThat(lens.path("chosen").path("text").asString()).isEqualTo(" the");
        JsonNode attention = post("/api/inspect/attention", ", \"layer\": 1");
        assertThat(attention.path("pattern").size())
                .isEqualTo(attention.path("heads").asInt());
        assertThat(attention.path("pattern").get(0).get(n - 1).size()).isEqualTo(n);
        JsonNode parts = post("/api/inspect/attribution", ", \"sae\": \"tiny-s0\", \"position\": 3");
        double sum = 0;
        for (JsonNode part : parts.path("layers")) {
            sum += part.path("value").asDouble();
        }
        assertThat(sum).isCloseTo(parts.path("token").path("logit").asDouble(), within(1e-3));
        assertThat(parts.path("latents").size()).isEqualTo(8 + 2);
    }

    @Test
    void taking_a_feature_out_answers_with_losses() throws Exception {
        JsonNode strongest = json(http.post("/api/features/tiny-s0/test", "{\"text\": \"" + TEXT + "\"}"))
                .path("features")
                .get(0);
        JsonNode effect =
                post("/api/features/tiny-s0/" + strongest.path("id").asInt() + "/ablation", ", \"positions\": 2");
        assertThat(effect.path("positions").size()).isBetween(1, 2);
        assertThat(effect.path("values").size()).isEqualTo(effect.path("loss").size());
        assertThat(effect.path("positions").get(0).path("promoted").size()).isEqualTo(8);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "/api/inspect/lens         | {}                                           | 400 | empty",
                "/api/inspect/lens         | {\"text\": \"a\", \"model\": \"nobody\"}     | 404 | nobody",
                "/api/inspect/lens         | {\"text\": \"a\", \"top\": 0}                | 400 | 1 to 50",
                "/api/inspect/lens         | {\"text\": \"a\", \"token\": \"much too long for one token\"} | 400 | single token",
                "/api/inspect/attention    | {\"text\": \"a\", \"layer\": 77}             | 400 | layers 0 to",
                "/api/inspect/attribution  | {\"text\": \"a\", \"position\": 9}           | 400 | no position 9",
                "/api/inspect/attribution  | {\"text\": \"a\", \"sae\": \"nobody\"}       | 404 | nobody",
                "/api/features/tiny-s0/999/ablation | {\"text\": \"a\"}                   | 404 | 999",
                "/api/features/tiny-s0/1/ablation   | {\"text\": \" \"}                   | 400 | empty",
            })
    void what_is_wrong_is_said_in_one_sentence(String path, String body, int status, String word) throws Exception {
        HttpResponse<String> r = http.post(path, body);
        assertThat(r.statusCode()).as(r.body()).isEqualTo(status);
        assertThat(json(r).path("detail").asString()).contains(word);
    }
}
