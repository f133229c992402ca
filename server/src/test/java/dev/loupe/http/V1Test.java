package dev.loupe.http;

import static dev.loupe.http.Http.json;
import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.cli.SmallWorkspace;
import java.net.http.HttpResponse;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** The OpenAI-compatible routes, over HTTP. */
class V1Test {
    private static final String BASE =
            "{\"model\": \"builtin\", \"prompt\": \"I would like to thank\", \"max_tokens\": 8,"
                    + " \"temperature\": 0";

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
    void theModelsAreListed() throws Exception {
        JsonNode list = json(http.get("/v1/models"));
        assertThat(list.path("object").asString()).isEqualTo("list");
        assertThat(list.path("data").get(0).path("id").asString()).isEqualTo("builtin");
        assertThat(json(http.get("/v1/models/builtin")).path("object").asString())
                .isEqualTo("model");
    }

    @ParameterizedTest
    @ValueSource(strings = {"/v1", "/v1/", "/v1/nothing", "/v1/models/nobody", "/v1/chat"})
    void unknownPathsAreErrorObjectsNeverAPage(String path) throws Exception {
        HttpResponse<String> r = http.get(path);
        assertThat(r.statusCode()).isEqualTo(404);
        assertThat(r.headers().firstValue("content-type").orElse("")).startsWith("application/json");
        assertThat(json(r).path("error").path("message").asString()).isNotBlank();
        assertThat(json(r).path("error").path("type").asString()).isEqualTo("not_found_error");
    }

    @Test
    void aCompletionHasTheShapeOfTheProtocolAndCountsItsTokens() throws Exception {
        JsonNode r = json(http.post("/v1/completions", BASE + "}"));
        assertThat(r.path("object").asString()).isEqualTo("text_completion");
        assertThat(r.path("id").asString()).startsWith("cmpl-");
        JsonNode choice = r.path("choices").get(0);
        assertThat(choice.path("text").asString()).isNotBlank();
        assertThat(choice.path("finish_reason").asString()).isIn("length", "stop");
        assertThat(r.path("usage").path("total_tokens").asInt())
                .isEqualTo(r.path("usage").path("prompt_tokens").asInt()
                        + r.path("usage").path("completion_tokens").asInt());
        assertThat(r.path("usage").path("completion_tokens").asInt()).isBetween(1, 8);
    }

    @Test
    void aStreamJoinsToTheSameTextAndEndsWithDone() throws Exception {
        String whole = json(http.post("/v1/completions", BASE + "}"))
                .path("choices")
                .get(0)
                .path("text")
                .asString();
        HttpResponse<String> stream = http.post(
                "/v1/completions", BASE + ", \"stream\": true, \"stream_options\": {\"include_usage\": true}}");
        assertThat(stream.headers().firstValue("content-type").orElse("")).startsWith("text/event-stream");
        StringBuilder text = new StringBuilder();
        String reason = "";
        int counted = -1;
        String last = "";
        for (String line :
                stream.body().lines().filter(l -> l.startsWith("data: ")).toList()) {
            last = line.substring(6);
            if (!last.equals("[DONE]")) {
                JsonNode chunk = dev.loupe.base.Json.MAPPER.readTree(last);
                for (JsonNode choice : chunk.path("choices")) {
                    text.append(choice.path("text").asString());
                    reason = choice.path("finish_reason").isNull()
                            ? reason
                            : choice.path("finish_reason").asString();
                }
                counted = chunk.has("usage")
                        ? chunk.path("usage").path("completion_tokens").asInt()
                        : counted;
            }
        }
        assertThat(text).hasToString(whole);
        assertThat(reason).isIn("length", "stop");
        assertThat(counted).isPositive();
        assertThat(last).isEqualTo("[DONE]");
    }

    @Test
    void editsChangeTheTextAndAVariantIsTheSameAsItsEdits() throws Exception {
        String edits =
                "{\"edits\": [{\"feature\": \"tiny-s0:3\", \"op\": \"add\", \"strength\": 3000, \"unit\": \"absolute\"}]}";
        String plain = text(BASE + "}");
        String steered = text(BASE + ", \"loupe\": " + edits + "}");
        assertThat(steered).isNotEqualTo(plain);
        assertThat(http.send("PUT", "/api/variants/v1test", edits).statusCode()).isEqualTo(200);
        assertThat(text(BASE + ", \"loupe\": {\"variant\": \"v1test\"}}")).isEqualTo(steered);
        http.send("DELETE", "/api/variants/v1test", "");
    }

    @Test
    void theSameSeedGivesTheSameTextsAndTokenIdsAreAPromptToo() throws Exception {
        String body = "{\"prompt\": [\"We\", \"Die\"], \"n\": 2, \"max_tokens\": 6, \"temperature\": 1, \"seed\": 11}";
        JsonNode a = json(http.post("/v1/completions", body)).path("choices");
        assertThat(a).hasSize(4);
        assertThat(json(http.post("/v1/completions", body)).path("choices")).isEqualTo(a);
        int[] ids = http.bench().models().open("builtin").tokenizer().encode("I would like to thank");
        String byIds = text(BASE.replace("\"I would like to thank\"", java.util.Arrays.toString(ids)) + "}");
        assertThat(byIds).isEqualTo(text(BASE + "}"));
    }

    @Test
    void echoAndLogProbabilitiesLineUpWithTheText() throws Exception {
        JsonNode choice = json(http.post("/v1/completions", BASE + ", \"echo\": true, \"logprobs\": 1}"))
                .path("choices")
                .get(0);
        assertThat(choice.path("text").asString()).startsWith("I would like to thank");
        JsonNode probs = choice.path("logprobs");
        for (int i = 0; i < probs.path("tokens").size(); i++) {
            String token = probs.path("tokens").get(i).asString();
            int at = probs.path("text_offset").get(i).asInt();
            assertThat(choice.path("text").asString().substring(at))
                    .startsWith(token.equals("<|endoftext|>") ? "" : token); // special tokens are no text
            assertThat(probs.path("token_logprobs").get(i).asDouble()).isLessThanOrEqualTo(0);
        }
        assertThat(probs.path("tokens")).isNotEmpty();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{}                                                  | prompt            | 400",
                "{\"prompt\": 7}                                     | prompt            | 400",
                "{\"prompt\": [99999999]}                            | prompt            | 400",
                "{\"prompt\": \"a\", \"max_tokens\": -1}             | max_tokens        | 400",
                "{\"prompt\": \"a\", \"temperature\": \"hot\"}       | temperature       | 400",
                "{\"prompt\": \"a\", \"top_p\": 0}                   | top_p             | 400",
                "{\"prompt\": \"a\", \"stop\": \"\"}                 | stop              | 400",
                "{\"prompt\": \"a\", \"suffix\": \"b\"}              | suffix            | 400",
                "{\"prompt\": \"a\", \"presence_penalty\": 3}        | presence_penalty  | 400",
                "{\"prompt\": \"a\", \"logit_bias\": {\"x\": 5}}     | logit_bias        | 400",
                "{\"prompt\": \"a\", \"logprobs\": 6}                | logprobs          | 400",
                "{\"prompt\": \"a\", \"seed\": 1.5}                  | seed              | 400",
                "{\"prompt\": \"a\", \"n\": 2, \"best_of\": 3}         | best_of           | 400",
                "{\"prompt\": [\"a\", \"b\"], \"n\": 9}              | n                 | 400",
                "{\"prompt\": \"a\", \"max_tokens\": 1.5}           | max_tokens        | 400",
                "{\"prompt\": \"a\", \"stream\": \"yes\"}          | stream            | 400",
                "{\"model\": \"builtin@nobody\", \"prompt\": \"a\"} | nobody            | 404",
                "{\"prompt\": \"a\", \"temprature\": 1}              | temprature        | 400",
                "{\"prompt\": \"a\", \"loupe\": {}}                  | loupe             | 400",
                "{\"prompt\": \"a\", \"loupe\": {\"variant\": \"nobody\"}} | nobody      | 404",
                "{\"prompt\": \"a\", \"loupe\": {\"edits\": [{\"feature\": \"x:1\", \"op\": \"ablate\"}]}, \"stream\": true}"
                        + " | x | 404",
                "{\"model\": \"gpt-9\", \"prompt\": \"a\"}           | gpt-9             | 404",
                "[1                                                  | JSON              | 400",
                "{\"prompt\": \"a\", \"loupe\": {\"edits\": [{\"feature\": \"tiny-s0:3\", \"op\": \"add\", \"strength\": NaN}]}}"
                        + " | JSON | 400",
                "{\"prompt\": \"a\", \"loupe\": {\"edits\": [{\"feature\": \"tiny-s0:3\", \"op\": \"add\", \"strength\": \"NaN\"}]}}"
                        + " | strength | 400",
                "{\"prompt\": \"a\", \"loupe\": {\"edits\": [{\"feature\": \"tiny-s0:3\", \"op\": \"add\", \"strength\": 1e999}]}}"
                        + " | strength | 400",
                "{\"prompt\": \"a\", \"loupe\": {\"edits\": [{\"feature\": \"\", \"op\": \"add\", \"strength\": 1}]}}"
                        + " | feature | 400",
            })
    void whatIsWrongIsAnErrorObjectThatNamesIt(String body, String word, int status) throws Exception {
        HttpResponse<String> r = http.post("/v1/completions", body);
        assertThat(r.statusCode()).as(r.body()).isEqualTo(status);
        JsonNode error = json(r).path("error");
        assertThat(error.path("message").asString() + error.path("param").asString(""))
                .contains(word);
    }

    @Test
    void tenThousandStopsAndFarTooLongPromptsAreErrorObjects() throws Exception {
        String stops = "\"x\", ".repeat(9999) + "\"x\"";
        HttpResponse<String> r = http.post("/v1/completions", "{\"prompt\": \"a\", \"stop\": [" + stops + "]}");
        assertThat(r.statusCode()).isEqualTo(400);
        assertThat(json(r).path("error").path("param").asString()).isEqualTo("stop");
        String prompt = "a word ".repeat(20_000);
        r = http.post("/v1/completions", "{\"prompt\": \"" + prompt + "\"}");
        assertThat(r.statusCode()).isEqualTo(400);
        assertThat(json(r).path("error").path("param").asString()).isEqualTo("prompt");
        r = http.post("/v1/completions", "{\"prompt\": \"" + "a word ".repeat(400_000) + "\"}");
        assertThat(r.statusCode()).isEqualTo(413);
        assertThat(json(r).path("error").path("message").asString()).isNotBlank();
    }

    @Test
    void aTextThatEndsBeforeItsFirstTokenIsEmptyAndNoError() throws Exception {
        int end = http.bench().models().open("builtin").tokenizer().eosId();
        String bias = BASE + ", \"logit_bias\": {\"" + end + "\": 100}";
        JsonNode choice =
                json(http.post("/v1/completions", bias + "}")).path("choices").get(0);
        assertThat(choice.path("text").asString()).isEmpty();
        assertThat(choice.path("finish_reason").asString()).isEqualTo("stop");
        assertThat(http.post("/v1/completions", bias + ", \"stream\": true}").body())
                .contains("\"finish_reason\":\"stop\"")
                .endsWith("data: [DONE]\n\n");
    }

    @Test
    void editsThatGiveNoNumbersAreAnErrorBeforeTheStreamBegins() throws Exception {
        String body = BASE + ", \"stream\": true, \"loupe\": {\"edits\": [{\"feature\": \"tiny-s0:3\", \"op\":"
                + " \"add\", \"strength\": 1e38, \"unit\": \"absolute\"}]}}";
        HttpResponse<String> r = http.post("/v1/completions", body);
        assertThat(r.statusCode()).as(r.body()).isEqualTo(400);
        assertThat(json(r).path("error").path("message").asString()).contains("too strong");
    }

    @Test
    void alternativesComeWithTheirLogProbabilitiesAndTheChosenTokenIsTheFirstOfThem() throws Exception {
        JsonNode probs = json(http.post("/v1/completions", BASE + ", \"logprobs\": 3, \"echo\": true}"))
                .path("choices")
                .get(0)
                .path("logprobs");
        int n = probs.path("tokens").size();
        assertThat(probs.path("top_logprobs").size()).isEqualTo(n);
        assertThat(probs.path("token_logprobs").get(0).isNull()).isTrue(); // nothing comes before the first token
        int written = 0;
        for (int i = 1; i < n; i++) {
            JsonNode top = probs.path("top_logprobs").get(i);
            assertThat(top.size()).isEqualTo(3);
            double best =
                    top.valueStream().mapToDouble(JsonNode::asDouble).max().orElseThrow();
            assertThat(probs.path("token_logprobs").get(i).asDouble()).isLessThanOrEqualTo(best + 1e-4);
            written += probs.path("token_logprobs").get(i).asDouble() >= best - 1e-4 ? 1 : 0;
        }
        assertThat(written).isGreaterThanOrEqualTo(8); // greedy text takes the best of each place
    }

    @Test
    void aVariantInTheModelsNameIsTheSameAsInTheExtraField() throws Exception {
        String edits =
                "{\"edits\": [{\"feature\": \"tiny-s0:3\", \"op\": \"add\", \"strength\": 3000, \"unit\": \"absolute\"}]}";
        http.send("PUT", "/api/variants/named", edits);
        String byField = text(BASE + ", \"loupe\": {\"variant\": \"named\"}}");
        assertThat(text(BASE.replace("\"builtin\"", "\"builtin@named\"") + "}")).isEqualTo(byField);
        assertThat(http.get("/v1/models/builtin@named").statusCode()).isEqualTo(200);
        http.send("DELETE", "/api/variants/named", "");
    }

    @Test
    void penaltiesAndBiasesChangeTheText() throws Exception {
        String plain = text(BASE + "}");
        int first = http.bench().models().open("builtin").tokenizer().encode(plain, false)[0];
        String biased = text(BASE + ", \"logit_bias\": {\"" + first + "\": -100}}");
        assertThat(biased).isNotEqualTo(plain);
        assertThat(text(BASE.replace("8", "40") + ", \"frequency_penalty\": 2, \"presence_penalty\": 2}"))
                .isNotEqualTo(text(BASE.replace("8", "40") + "}"));
    }

    private static String text(String body) throws Exception {
        HttpResponse<String> r = http.post("/v1/completions", body);
        assertThat(r.statusCode()).as(r.body()).isEqualTo(200);
        return json(r).path("choices").get(0).path("text").asString();
    }
}
