package dev.loupe.ui;

import dev.loupe.base.Json;
import dev.loupe.service.Views;
import dev.loupe.steer.Edit;
import dev.loupe.steer.SteerRequest;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/** A page's edits as programs write them: ready to be pasted. */
final class CodeSnippets {
    /** The languages, by key. */
    static final Map<String, String> LANGUAGES = languages();

    /** The languages of conversations, by key. */
    static final Map<String, String> CHAT_LANGUAGES = chatLanguages();

    private CodeSnippets() {}

    private static Map<String, String> languages() {
        Map<String, String> all = new LinkedHashMap<>();
        all.put("terminal", "Terminal");
        all.put("curl", "curl");
        all.put("python", "Python");
        all.put("java", "Java");
        return all;
    }

    private static Map<String, String> chatLanguages() {
        Map<String, String> all = new LinkedHashMap<>();
        all.put("python", "Python");
        all.put("curl", "curl");
        return all;
    }

    /**
     * The code.
     *
     * @param language a key of {@link #LANGUAGES}
     * @param base address of the server
     * @param said what a person said in a conversation (curl gets the first answer only); empty for a plain text
     */
    static String of(String language, String base, SteerRequest r, List<String> said) {
        return switch (language) {
            case "curl" -> curl(base, r, said);
            case "python" -> said.isEmpty() ? python(base, r) : pythonChat(base, r, said);
            case "java" -> java(base, r);
            default -> terminal(r);
        };
    }

    private static String terminal(SteerRequest r) {
        StringBuilder command = new StringBuilder("loupe steer --model ").append(r.model());
        r.variant().edits().forEach(e -> command.append(" --edit ").append(EditCard.text(e)));
        return command.append(" --temperature ")
                .append(r.temperature())
                .append(" --max-tokens ")
                .append(r.maxTokens())
                .append(" --seed ")
                .append(r.seed())
                .append(' ')
                .append(shell(r.prompt()))
                .toString();
    }

    private static String curl(String base, SteerRequest r, List<String> said) {
        Map<String, Object> body = new LinkedHashMap<>();
        body.put("model", r.model());
        if (said.isEmpty()) {
            body.put("prompt", r.prompt());
        } else {
            body.put("messages", List.of(Map.of("role", "user", "content", said.getFirst())));
        }
        body.put("max_tokens", r.maxTokens());
        body.put("temperature", r.temperature());
        body.put("top_p", r.topP());
        body.put("seed", r.seed());
        body.put("loupe", Map.of("edits", edits(r)));
        return "curl " + base + (said.isEmpty() ? "/v1/completions" : "/v1/chat/completions")
                + " -H 'Content-Type: application/json' -d " + shell(Views.line(body));
    }

    private static String python(String base, SteerRequest r) {
        return """
                from openai import OpenAI

                client = OpenAI(base_url=%s, api_key="none")
                answer = client.completions.create(
                    model=%s, prompt=%s,
                    max_tokens=%d, temperature=%s, top_p=%s, seed=%d,
                    extra_body={"loupe": {"edits": %s}})
                print(answer.choices[0].text)""".formatted(
                        quoted(base + "/v1"),
                        quoted(String.valueOf(r.model())),
                        quoted(r.prompt()),
                        r.maxTokens(),
                        r.temperature(),
                        r.topP(),
                        r.seed(),
                        literal(edits(r)));
    }

    /** Each answer goes into the conversation before the next message does. */
    private static String pythonChat(String base, SteerRequest r, List<String> said) {
        return """
                from openai import OpenAI

                client = OpenAI(base_url=%s, api_key="none")
                messages = []
                for said in %s:
                    messages.append({"role": "user", "content": said})
                    answer = client.chat.completions.create(
                        model=%s, messages=messages,
                        max_tokens=%d, temperature=%s, top_p=%s, seed=%d,
                        extra_body={"loupe": {"edits": %s}}).choices[0].message.content
                    messages.append({"role": "assistant", "content": answer})
                    print(answer)""".formatted(
                quoted(base + "/v1"),
                said.stream().map(CodeSnippets::quoted).collect(java.util.stream.Collectors.joining(", ", "[", "]")),
                quoted(String.valueOf(r.model())),
                r.maxTokens(),
                r.temperature(),
                r.topP(),
                r.seed(),
                literal(edits(r)));
    }

    private static String java(String base, SteerRequest r) {
        StringBuilder edits = new StringBuilder();
        for (Edit e : r.variant().edits()) {
            edits.append(edits.isEmpty() ? "" : ",\n        ")
                    .append("new Edit(")
                    .append(quoted(e.feature()))
                    .append(", ")
                    .append(quoted(e.neuron()))
                    .append(", ")
                    .append(quoted(e.vector()))
                    .append(", ")
                    .append(quoted(e.op()))
                    .append(", ")
                    .append(e.strength())
                    .append(", ")
                    .append(quoted(e.unit()))
                    .append(", ")
                    .append(quoted(e.positions()))
                    .append(", ")
                    .append(quoted(e.schedule()))
                    .append(")");
        }
        return """
                import dev.loupe.client.*;

                try (LoupeClient loupe = LoupeClient.of(%s)) {
                    Writing writing = Writing.of(%s, %s)
                        .tokens(%d).sampled(%s, %d).with(
                        %s);
                    System.out.println(loupe.steer(writing).steered());
                }""".formatted(
                        quoted(base),
                        quoted(String.valueOf(r.model())),
                        quoted(r.prompt()),
                        r.maxTokens(),
                        r.temperature(),
                        r.seed(),
                        edits);
    }

    private static List<JsonNode> edits(SteerRequest r) {
        return r.variant().edits().stream()
                .map(e -> (JsonNode) Json.MAPPER.valueToTree(e))
                .toList();
    }

    /** JSON as Python writes it. */
    private static String literal(List<JsonNode> edits) {
        return Views.line(edits)
                .replace("\":true", "\":True")
                .replace("\":false", "\":False")
                .replace("\":null", "\":None");
    }

    private static String shell(String text) {
        return "'" + text.replace("'", "'\\''") + "'";
    }

    /** A string literal of Python and Java alike; null without quotes. */
    private static String quoted(@org.jspecify.annotations.Nullable String text) {
        if (text == null) {
            return "null";
        }
        StringBuilder s = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            switch (c) {
                case '"' -> s.append("\\\"");
                case '\\' -> s.append("\\\\");
                case '\n' -> s.append("\\n");
                case '\r' -> s.append("\\r");
                case '\t' -> s.append("\\t");
                default -> {
                    if (c < ' ') {
                        s.append(String.format(Locale.ROOT, "\\u%04x", (int) c));
                    } else {
                        s.append(c);
                    }
                }
            }
        }
        return s.append('"').toString();
    }
}
