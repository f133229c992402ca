package dev.loupe.http;

import dev.loupe.base.LoupeException;
import dev.loupe.base.UsageException;
import dev.loupe.chat.ChatMessage;
import dev.loupe.chat.ChatTemplate;
import dev.loupe.service.Views;
import dev.loupe.service.Workbench;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/**
 * A request of {@code /v1/chat/completions}, checked.
 *
 * @param common what it has in common with plain prompts
 * @param prompt the conversation as token ids, ready for an answer
 */
record ChatRequest(WritingRequest common, int[] prompt) {
    static final Set<String> KNOWN = known();

    private static Set<String> known() {
        Set<String> all = new HashSet<>(WritingRequest.KNOWN);
        all.addAll(Set.of(
                "messages",
                "max_tokens",
                "max_completion_tokens",
                "top_logprobs",
                "response_format",
                "modalities",
                "tools",
                "tool_choice",
                "parallel_tool_calls",
                "chat_template",
                "chat_template_kwargs"));
        return Set.copyOf(all);
    }

    static ChatRequest of(JsonNode body, Workbench bench) {
        Fields f = new Fields(body);
        f.only(KNOWN);
        refuseWhatIsNotText(f);
        boolean logProbs = f.flag("logprobs");
        int alternatives = f.integer("top_logprobs", 0, 0, 20);
        if (alternatives > 0 && !logProbs) {
            throw new BadParameter("top_logprobs needs logprobs to be true.", "top_logprobs");
        }
        if (f.has("max_tokens") && f.has("max_completion_tokens")) {
            throw new BadParameter("Give max_completion_tokens or max_tokens, not both.", "max_tokens");
        }
        String key = f.has("max_tokens") ? "max_tokens" : "max_completion_tokens";
        int most = f.integer(key, WritingRequest.MOST_TOKENS, 0, WritingRequest.MOST_TOKENS);
        List<ChatMessage> messages = messages(f.node("messages"));
        WritingRequest common = WritingRequest.of(f, bench, most, logProbs, alternatives);
        ChatTemplate template;
        try {
            template = f.has("chat_template")
                    ? new ChatTemplate(f.text("chat_template", ""))
                    : ChatTemplate.of(common.model().tokenizer());
        } catch (UsageException e) {
            throw new BadParameter(String.valueOf(e.getMessage()), "model");
        }
        return new ChatRequest(common, common.fitting(prompt(f, template, messages, common), "messages"));
    }

    private static int[] prompt(Fields f, ChatTemplate template, List<ChatMessage> messages, WritingRequest common) {
        JsonNode more = f.node("chat_template_kwargs");
        if (f.has("chat_template_kwargs") && !more.isObject()) {
            throw new BadParameter("chat_template_kwargs must be an object.", "chat_template_kwargs");
        }
        @SuppressWarnings("unchecked") // an object of JSON
        Map<String, Object> variables = more.isObject() ? Views.JSON.convertValue(more, Map.class) : Map.of();
        try {
            return template.prompt(common.model().tokenizer(), messages, variables);
        } catch (LoupeException e) {
            throw new BadParameter(String.valueOf(e.getMessage()), "messages");
        }
    }

    private static List<ChatMessage> messages(JsonNode list) {
        if (!list.isArray() || list.isEmpty()) {
            throw new BadParameter(
                    "messages must be a list of {\"role\": ..., \"content\": ...}, at least one.", "messages");
        }
        List<ChatMessage> messages = new ArrayList<>();
        for (JsonNode m : list) {
            String role = m.path("role").asString("");
            if (!m.isObject() || role.isEmpty()) {
                throw new BadParameter("Every message needs a role: " + Fields.shown(m) + " has none.", "messages");
            }
            if (!m.path("tool_calls").isEmpty()) {
                throw new BadParameter("This server has no tools: leave out tool_calls.", "messages");
            }
            messages.add(new ChatMessage(role.equals("developer") ? "system" : role, content(m.path("content"))));
        }
        return messages;
    }

    private static String content(JsonNode content) {
        if (content.isString()) {
            return content.asString();
        }
        if (!content.isArray()) {
            throw new BadParameter(
                    "The content of a message must be a text or a list of texts, not " + Fields.shown(content) + ".",
                    "messages");
        }
        StringBuilder text = new StringBuilder();
        for (JsonNode part : content) {
            if (!part.path("type").asString("").equals("text")
                    || !part.path("text").isString()) {
                throw new BadParameter(
                        "This server reads text only: " + Fields.shown(part) + " is something else.", "messages");
            }
            text.append(part.path("text").asString());
        }
        return text.toString();
    }

    private static void refuseWhatIsNotText(Fields f) {
        if (!f.node("tools").isEmpty()) {
            throw new BadParameter("This server has no tools: leave out tools.", "tools");
        }
        if (f.has("response_format")
                && !f.node("response_format").path("type").asString("").equals("text")) {
            throw new BadParameter(
                    "This server answers in text: response_format is {\"type\": \"text\"}.", "response_format");
        }
        for (JsonNode kind : f.node("modalities")) {
            if (!kind.asString("").equals("text")) {
                throw new BadParameter("This server answers in text: modalities is [\"text\"].", "modalities");
            }
        }
    }
}
