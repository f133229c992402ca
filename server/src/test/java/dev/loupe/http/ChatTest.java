package dev.loupe.http;

import static dev.loupe.http.Http.json;
import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.base.Json;
import dev.loupe.cli.SmallWorkspace;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/** Conversations over HTTP: the embedded model's weights with a chat template beside them. */
class ChatTest {
    private static final String TEMPLATE = "{% for m in messages %}{{ m.role + ': ' + m.content + '\\n' }}{% endfor %}"
            + "{% if add_generation_prompt %}{{ 'assistant:' }}{% endif %}";
    private static Http http;
    private static String chatty;
    private static String base;

    @BeforeAll
    static void start() throws Exception {
        http = new Http(SmallWorkspace.folder(), null);
        chatty = chatty(http.bench().models().folder("builtin"));
        base = "{\"model\": \"" + chatty + "\", \"messages\": [{\"role\": \"system\", \"content\":"
                + " \"Be kind.\"}, {\"role\": \"user\", \"content\": \"Who speaks?\"}], \"max_tokens\": 8,"
                + " \"temperature\": 0";
    }

    /** A folder with the embedded weights and a template: the name of a model. */
    static String chatty(Path builtin) throws IOException {
        Path folder = Files.createTempDirectory(Path.of("target"), "chatty-").toAbsolutePath();
        try (Stream<Path> all = Files.list(builtin)) {
            for (Path p : all.toList()) {
                Files.copy(p, folder.resolve(p.getFileName()));
            }
        }
        Files.writeString(folder.resolve("chat_template.jinja"), TEMPLATE);
        return folder.toString();
    }

    @AfterAll
    static void stop() {
        http.close();
    }

    @Test
    void anAnswerIsTheContinuationOfTheRenderedConversation() throws Exception {
        JsonNode r = json(http.post("/v1/chat/completions", base + "}"));
        assertThat(r.path("object").asString()).isEqualTo("chat.completion");
        JsonNode choice = r.path("choices").get(0);
        assertThat(choice.path("message").path("role").asString()).isEqualTo("assistant");
        assertThat(choice.path("finish_reason").asString()).isIn("stop", "length");
        // what the plain route makes of the same tokens; the template, not the tokenizer, writes BOS
        int[] ids = http.bench()
                .models()
                .open(chatty)
                .tokenizer()
                .encode("system: Be kind.\nuser: Who speaks?\nassistant:", false);
        String plain = json(http.post(
                        "/v1/completions",
                        "{\"model\": \"" + chatty + "\", \"max_tokens\": 8, \"temperature\": 0, \"prompt\": "
                                + java.util.Arrays.toString(ids) + "}"))
                .path("choices")
                .get(0)
                .path("text")
                .asString();
        assertThat(choice.path("message").path("content").asString()).isEqualTo(plain);
        assertThat(r.path("usage").path("prompt_tokens").asInt()).isEqualTo(ids.length);
    }

    @Test
    void aStreamOfSeveralChoicesJoinsToTheWholeOnes() throws Exception {
        String sampled = base.replace("\"temperature\": 0", "\"temperature\": 1, \"seed\": 4, \"n\": 3");
        JsonNode whole = json(http.post("/v1/chat/completions", sampled + "}")).path("choices");
        String body = http.post(
                        "/v1/chat/completions",
                        sampled + ", \"stream\": true, \"stream_options\": {\"include_usage\": true}}")
                .body();
        StringBuilder[] texts = {new StringBuilder(), new StringBuilder(), new StringBuilder()};
        int roles = 0;
        int ends = 0;
        int written = 0;
        String last = "";
        for (String line : body.lines().filter(l -> l.startsWith("data: ")).toList()) {
            last = line.substring(6);
            if (last.equals("[DONE]")) {
                continue;
            }
            JsonNode chunk = Json.MAPPER.readTree(last);
            assertThat(chunk.path("object").asString()).isEqualTo("chat.completion.chunk");
            for (JsonNode c : chunk.path("choices")) {
                JsonNode delta = c.path("delta");
                texts[c.path("index").asInt()].append(delta.path("content").asString(""));
                roles += delta.has("role") ? 1 : 0;
                ends += c.path("finish_reason").isNull() ? 0 : 1;
            }
            written = Math.max(
                    written, chunk.path("usage").path("completion_tokens").asInt(0));
        }
        for (int i = 0; i < 3; i++) {
            assertThat(texts[i])
                    .hasToString(whole.get(i).path("message").path("content").asString());
        }
        assertThat(texts[0].toString()).isNotEqualTo(texts[1].toString());
        assertThat(roles).isEqualTo(3);
        assertThat(ends).isEqualTo(3);
        assertThat(written).isPositive();
        assertThat(last).isEqualTo("[DONE]");
    }

    @Test
    void logProbabilitiesCarryBytesAndAlternatives() throws Exception {
        JsonNode r = json(http.post("/v1/chat/completions", base + ", \"logprobs\": true, \"top_logprobs\": 2}"));
        JsonNode content = r.path("choices").get(0).path("logprobs").path("content");
        assertThat(content).hasSizeGreaterThan(0);
        for (JsonNode token : content) {
            assertThat(token.path("logprob").asDouble()).isLessThanOrEqualTo(0);
            assertThat(token.path("bytes").size()).isPositive();
            assertThat(token.path("top_logprobs").size()).isEqualTo(2);
            assertThat(token.path("top_logprobs").get(0).path("token").asString())
                    .isEqualTo(token.path("token").asString()); // greedy
        }
    }

    @Test
    void aModelWithoutTemplateIsRefusedUnlessTheRequestBringsOne() throws Exception {
        String builtin = base.replace(chatty, "builtin");
        HttpResponse<String> r = http.post("/v1/chat/completions", builtin + "}");
        assertThat(r.statusCode()).isEqualTo(400);
        assertThat(json(r).path("error").path("message").asString()).contains("chat template");
        r = http.post("/v1/chat/completions", builtin + ", \"chat_template\": \"{{ messages[0].content }}\"}");
        assertThat(r.statusCode()).as(r.body()).isEqualTo(200);
    }

    @Test
    void twoConversationsThatHaveGrownApartAreEachAnsweredByTheirModel() throws Exception {
        String edits = "{'edits': [{'feature': 'tiny-s0:3', 'op': 'add', 'strength': 3000, 'unit': 'absolute'}]}";
        String first = "{'role': 'user', 'content': 'Who speaks?'}";
        String rest = "'variant': " + edits + ", 'max_tokens': 8, 'temperature': 0, 'top_p': 1}";
        JsonNode turn = steered("'messages': [" + first + "], " + rest);
        assertThat(turn.path("default").path("text").asString()).isEqualTo(answer("[" + first + "]", ""));
        assertThat(turn.path("steered").path("text").asString())
                .isEqualTo(answer("[" + first + "]", ", 'loupe': " + edits))
                .isNotEqualTo(turn.path("default").path("text").asString());
        assertThat(turn.path("steered").path("kl").asDouble()).isPositive();
        JsonNode token = turn.path("steered").path("tokens").get(0);
        assertThat(token.path("alternatives").get(0).path("token")).isEqualTo(token.path("token")); // greedy

        String then = ", {'role': 'user', 'content': 'And then?'}]";
        String own = "[" + first + ", " + said(turn.path("default")) + then;
        String apart = "[" + first + ", " + said(turn.path("steered")) + then;
        JsonNode second = steered("'messages': " + own + ", 'steered_messages': " + apart + ", " + rest);
        assertThat(second.path("default").path("text").asString()).isEqualTo(answer(own, ""));
        assertThat(second.path("steered").path("text").asString()).isEqualTo(answer(apart, ", 'loupe': " + edits));
        assertThat(second.path("default").path("prompt_tokens").asInt())
                .isNotEqualTo(second.path("steered").path("prompt_tokens").asInt());

        String stream = http.post(
                        "/api/steer/chat",
                        quoted("{'model': '" + chatty + "', 'stream': true, 'messages': " + own + ", " + rest))
                .body();
        assertThat(stream).contains("event: text", "\"steered\":true", "event: result");
    }

    private static String quoted(String json) {
        return json.replace('\'', '"');
    }

    private static JsonNode steered(String fields) throws Exception {
        HttpResponse<String> r = http.post("/api/steer/chat", quoted("{'model': '" + chatty + "', " + fields));
        assertThat(r.statusCode()).as(r.body()).isEqualTo(200);
        return json(r);
    }

    private static String said(JsonNode side) {
        return "{'role': 'assistant', 'content': " + side.path("text") + "}";
    }

    /** What the OpenAI-compatible route answers. */
    private static String answer(String messages, String more) throws Exception {
        HttpResponse<String> r = http.post(
                "/v1/chat/completions",
                quoted("{'model': '" + chatty + "', 'messages': " + messages + ", 'max_tokens': 8, 'temperature': 0"
                        + more + "}"));
        assertThat(r.statusCode()).as(r.body()).isEqualTo(200);
        return json(r).path("choices").get(0).path("message").path("content").asString();
    }

    @Test
    void conversationsThatCannotBeAnsweredAreOneSentence() throws Exception {
        String one = "'messages': [{'role': 'user', 'content': 'a'}]";
        String[][] wrong = {
            {"{'model': 'builtin', " + one + "}", "chat template"},
            {"{'model': '" + chatty + "'}", "needs messages"},
            {"{'model': '" + chatty + "', 'messages': [{'role': 'user'}]}", "a role and a content"},
            {"{'model': '" + chatty + "', " + one + ", 'max_tokens': -1}", "max_tokens"},
            {
                "{'model': '" + chatty + "', 'messages': [{'role': 'user', 'content': '" + "a ".repeat(3000) + "'}]}",
                "at most"
            },
        };
        for (String[] w : wrong) {
            HttpResponse<String> r = http.post("/api/steer/chat", quoted(w[0]));
            assertThat(r.statusCode()).as(r.body()).isEqualTo(400);
            assertThat(json(r).path("detail").asString()).contains(w[1]);
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{}                                                               | messages",
                "{'messages': []}                                                 | messages",
                "{'messages': [{'content': 'a'}]}                                 | messages",
                "{'messages': [{'role': 'user', 'content': 7}]}                   | messages",
                "{'messages': [{'role': 'user', 'content': [{'type': 'image_url'}]}]} | messages",
                "{'messages': 'hello'}                                            | messages",
                "{'messages': [{'role': 'user', 'content': 'a'}], 'top_logprobs': 2} | top_logprobs",
                "{'messages': [{'role': 'user', 'content': 'a'}], 'tools': [{'type': 'function'}]} | tools",
                "{'messages': [{'role': 'user', 'content': 'a'}], 'max_tokens': 1, 'max_completion_tokens': 1}"
                        + " | max_tokens",
                "{'messages': [{'role': 'user', 'content': 'a'}], 'chat_template': '{% if %}'} | messages",
                "{'messages': [{'role': 'user', 'content': 'a'}], 'response_format': {'type': 'json_object'}}"
                        + " | response_format",
            })
    void whatIsWrongIsAnErrorObjectThatNamesTheField(String body, String param) throws Exception {
        String json = body.replace('\'', '"')
                .replaceFirst("^\\{", "{\"model\": \"" + chatty + "\", ")
                .replace(", }", "}");
        HttpResponse<String> r = http.post("/v1/chat/completions", json);
        assertThat(r.statusCode()).as(r.body()).isEqualTo(400);
        assertThat(json(r).path("error").path("param").asString("")).isEqualTo(param);
        assertThat(json(r).path("error").path("type").asString()).isEqualTo("invalid_request_error");
    }
}
