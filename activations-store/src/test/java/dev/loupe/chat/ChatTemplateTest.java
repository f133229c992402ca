package dev.loupe.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import dev.loupe.base.UsageException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

/** Published templates render to the bytes that transformers renders them to. */
class ChatTemplateTest {
    private static final JsonNode EXPECTED = Json.MAPPER.readTree(resource("expected.json"));

    static Stream<String> templates() {
        return EXPECTED.path("cases")
                .valueStream()
                .map(c -> c.path("template").asString())
                .distinct();
    }

    @ParameterizedTest
    @MethodSource("templates")
    void everyWordOfAConversationBelongsToWhoSaysIt(String name) {
        ChatTemplate template = new ChatTemplate(resource(name + ".jinja"));
        int checked = 0;
        for (Map.Entry<String, JsonNode> c : EXPECTED.path("conversations").properties()) {
            List<ChatMessage> messages = new ArrayList<>();
            for (JsonNode m : c.getValue()) {
                messages.add(new ChatMessage(
                        m.path("role").asString(), m.path("content").asString()));
            }
            Conversation conversation;
            try {
                conversation = template.conversation(messages, "<bos>", "<eos>");
            } catch (LoupeException e) {
                continue; // refused, as the reference does
            }
            String text = conversation.text();
            String[] labels = conversation.labels(
                    text.chars().mapToObj(ch -> String.valueOf((char) ch)).toList());
            int at = 0;
            for (ChatMessage m : messages) {
                String said = m.content().strip();
                int found = text.indexOf(said, at);
                if (said.length() < 2 || found < 0) {
                    continue; // one letter is anywhere; thoughts of earlier turns are left out by some templates
                }
                for (int i = found; i < found + said.length(); i++) {
                    assertThat(labels[i]).as(c.getKey() + ": " + said).isEqualTo(m.role());
                }
                checked++;
                at = found + said.length();
            }
        }
        assertThat(checked).isGreaterThanOrEqualTo(6);
    }

    @ParameterizedTest
    @MethodSource("templates")
    void everyConversationIsTheReferencesText(String name) {
        ChatTemplate template = new ChatTemplate(resource(name + ".jinja"));
        List<String> wrong = new ArrayList<>();
        int rendered = 0;
        for (JsonNode c : EXPECTED.path("cases")) {
            if (!c.path("template").asString().equals(name)) {
                continue;
            }
            List<ChatMessage> messages = new ArrayList<>();
            for (JsonNode m :
                    EXPECTED.path("conversations").path(c.path("conversation").asString())) {
                messages.add(new ChatMessage(
                        m.path("role").asString(), m.path("content").asString()));
            }
            String ours;
            try {
                ours = template.render(
                        messages,
                        "<bos>",
                        "<eos>",
                        Map.of(),
                        c.path("add_generation_prompt").asBoolean());
            } catch (LoupeException e) {
                ours = "refused: " + e.getMessage();
            }
            String theirs = c.has("error")
                    ? "refused: " + c.path("error").asString()
                    : c.path("text").asString();
            // the date of the script that wrote the reference
            String today = ChatFunctions.now("%d %b %Y");
            ours = ours.replace(today, "04 Jul 2026");
            if (!ours.equals(theirs)) {
                wrong.add(c.path("conversation").asString() + ":\n" + ours + "\n--- instead of\n" + theirs);
            }
            rendered++;
        }
        assertThat(rendered).isEqualTo(16);
        assertThat(wrong).isEmpty();
    }

    @Test
    void whatTheUserSaysIsNoTemplate() {
        ChatTemplate template = new ChatTemplate("{% for m in messages %}{{ m.content }}{% endfor %}");
        String said = "{{ 1 + 1 }} {% raw %} {# no #} <b>&\\n";
        assertThat(template.render(List.of(new ChatMessage("user", said)), null, null))
                .isEqualTo(said);
    }

    @Test
    void aTemplateThatCannotBeRenderedIsToldInOneSentence() {
        assertThatThrownBy(() -> new ChatTemplate("{% for %}").render(List.of(), null, null))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("chat template")
                .hasMessageNotContaining("\n");
        assertThatThrownBy(() -> new ChatTemplate("{{ raise_exception('Not so.') }}").render(List.of(), null, null))
                .isInstanceOf(UsageException.class)
                .hasMessage("Not so.");
    }

    @Test
    void endlessTemplatesEnd() {
        ChatTemplate template = new ChatTemplate(
                "{% for a in range(100000) %}{% for b in range(100000) %}aaaaaaaaaaaaaaaaaaaaaaaaaaa{% endfor %}{% endfor %}");
        assertThatThrownBy(() -> template.render(List.of(), null, null)).isInstanceOf(LoupeException.class);
    }

    @Test
    void extraVariablesAndPythonsMethodsAreThere() {
        ChatTemplate template = new ChatTemplate("{{ x.strip('-').upper() }} {{ x.split('b')[-1] }} {{ d.get('a', 3) }}"
                + " {{ d | tojson }} {{ '%s' if missing is defined else x.replace('-', '+') }}");
        Map<String, Object> d = new LinkedHashMap<>();
        d.put("k", List.of(1, "é\n\"", true));
        assertThat(template.render(List.of(), null, null, Map.of("x", "--ab--", "d", d), false))
                .isEqualTo("AB -- 3 {\"k\": [1, \"é\\n\\\"\", true]} ++ab++");
    }

    @Test
    void timesAreWrittenAsPythonWritesThem() {
        LocalDateTime time = LocalDateTime.of(2026, 7, 4, 9, 5, 3);
        assertThat(ChatFunctions.strftime(time, "%d %b %Y|%B %-d, %Y|%Y-%m-%d %H:%M:%S|%A %a %j %I %p %y|100%%"))
                .isEqualTo("04 Jul 2026|July 4, 2026|2026-07-04 09:05:03|Saturday Sat 185 09 AM 26|100%");
    }

    @Test
    void jsonIsPythons() {
        Map<String, Object> m = new LinkedHashMap<>();
        m.put("a", List.of());
        m.put("b", Map.of("c", 1.5));
        assertThat(ToJson.write(m, 0)).isEqualTo("{\"a\": [], \"b\": {\"c\": 1.5}}");
        assertThat(ToJson.write(m, 2)).isEqualTo("{\n  \"a\": [],\n  \"b\": {\n    \"c\": 1.5\n  }\n}");
    }

    private static String resource(String name) {
        try (InputStream in = ChatTemplateTest.class.getResourceAsStream(name)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
