package dev.loupe.corpus;

import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import dev.loupe.corpus.Document.Content;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * Conversations in JSON, or in columns of that shape: an array of messages, each with {@code role} and {@code content} (a string, null where a model
 * only called tools, or OpenAI's list of parts, of which there must be texts alone), or with {@code from} and
 * {@code value} (ShareGPT, whose names of roles are translated).
 */
final class Conversations {
    private static final Map<String, String> SHARE_GPT = Map.ofEntries(
            Map.entry("human", "user"),
            Map.entry("user", "user"),
            Map.entry("gpt", "assistant"),
            Map.entry("chatgpt", "assistant"),
            Map.entry("bing", "assistant"),
            Map.entry("bard", "assistant"),
            Map.entry("model", "assistant"),
            Map.entry("assistant", "assistant"),
            Map.entry("system", "system"),
            Map.entry("tool", "tool"),
            Map.entry("function", "tool"),
            Map.entry("function_response", "tool"),
            Map.entry("observation", "tool"));

    private Conversations() {}

    /** Fields of a message in files with columns. */
    static final List<String> FIELDS = List.of("role", "content", "from", "value");

    /** A document of messages from a file with columns, each a map of {@link #FIELDS}. */
    static Document document(String name, List<Map<String, String>> messages) {
        Document document = document(name, Json.MAPPER.<JsonNode>valueToTree(messages));
        if (document == null) {
            throw new LoupeException("The conversation " + name
                    + " has a message without role or text: give every message both, or leave such conversations out.");
        }
        return document;
    }

    /** A document of an array of messages; null if it is none. */
    static @Nullable Document document(String name, JsonNode array) {
        List<Content.Message> messages = new ArrayList<>();
        StringBuilder text = new StringBuilder();
        for (JsonNode message : array) {
            boolean shareGpt = !message.has("role") && message.has("from");
            JsonNode role = message.get(shareGpt ? "from" : "role");
            String content = content(name, message.get(shareGpt ? "value" : "content"), message.has("tool_calls"));
            if (role == null || !role.isString() || content == null) {
                return null;
            }
            String who = role.asString();
            String known = SHARE_GPT.get(who.toLowerCase(Locale.ROOT));
            messages.add(new Content.Message(shareGpt && known != null ? known : who, content));
            if (!content.isBlank()) {
                text.append(text.isEmpty() ? "" : "\n").append(content);
            }
        }
        return new Document(name, text.toString(), "", 0, new Content.Chat(List.copyOf(messages)));
    }

    private static @Nullable String content(String name, @Nullable JsonNode content, boolean callsTools) {
        if (content == null || content.isNull()) {
            return callsTools || content != null ? "" : null;
        }
        if (content.isString()) {
            return content.asString();
        }
        if (!content.isArray()) {
            return null;
        }
        StringBuilder text = new StringBuilder();
        for (JsonNode part : content) {
            JsonNode words = part.isString() ? part : part.get("text");
            if (words == null || !words.isString()) {
                throw new LoupeException("The conversation " + name + " has a message with a part of the type \""
                        + part.path("type").asString("?") + "\": only text can be read; leave such conversations out.");
            }
            text.append(words.asString());
        }
        return text.toString();
    }
}
