package dev.loupe.service;

import dev.loupe.base.UsageException;
import dev.loupe.chat.ChatMessage;
import dev.loupe.steer.SteerRequest;
import dev.loupe.steer.Variant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Two conversations to answer in: as the model is, and under a variant.
 *
 * @param model the model's name; the embedded one if absent
 * @param messages the model's own conversation so far, the last message a person's
 * @param steeredMessages the steered one; the same if absent
 * @param variant what to change
 * @param maxTokens most tokens to write; 60 if absent
 * @param temperature 0 for the most likely token always; 0.7 if absent
 * @param topK only among so many most likely tokens; no limit if absent
 * @param topP only among the most likely tokens that together have this probability; 0.95 if absent
 * @param seed of the sampling, the same for both answers
 * @param stop texts that end an answer
 */
public record SteerChat(
        @Nullable String model,
        List<ChatMessage> messages,
        @Nullable List<ChatMessage> steeredMessages,
        @Nullable Variant variant,
        @Nullable Integer maxTokens,
        @Nullable Double temperature,
        @Nullable Integer topK,
        @Nullable Double topP,
        @Nullable Long seed,
        @Nullable List<String> stop) {

    /** Fills in what JSON may leave out. */
    @SuppressWarnings({"ConstantValue", "NullAway"}) // JSON leaves absent fields null, whatever the types say
    public SteerChat {
        messages = messages == null ? List.of() : List.copyOf(messages);
        for (List<ChatMessage> all : List.of(messages, steeredMessages == null ? messages : steeredMessages)) {
            if (all.isEmpty()) {
                throw new UsageException(
                        "A conversation needs messages, each {\"role\": ..., \"content\": ...}, at least one.");
            }
            for (ChatMessage m : all) {
                if (m == null || m.role() == null || m.role().isBlank() || m.content() == null) {
                    throw new UsageException("Every message needs a role and a content.");
                }
            }
        }
    }

    /** The same request with default sampling. */
    public static SteerChat of(String model, List<ChatMessage> messages, Variant variant) {
        return new SteerChat(model, messages, null, variant, null, null, null, null, null, null);
    }

    /** How to write, as a request whose prompt does not matter. */
    @SuppressWarnings("NullAway") // the request fills in its defaults
    SteerRequest settings() {
        return new SteerRequest(
                model,
                "-",
                variant,
                maxTokens == null ? 0 : maxTokens,
                temperature,
                topK == null ? 0 : topK,
                topP,
                seed == null ? 0 : seed,
                stop);
    }
}
