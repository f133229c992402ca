package dev.loupe.service;

import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.chat.ChatMessage;
import dev.loupe.chat.ChatTemplate;
import dev.loupe.model.LanguageModel;
import dev.loupe.steer.ChatTurn;
import dev.loupe.steer.SteerListener;
import dev.loupe.steer.SteerRequest;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Conversations with a model as it is and under edits, side by side. */
public final class SteeredChats {
    private final Models models;
    private final Steerings steerings;

    SteeredChats(Models models, Steerings steerings) {
        this.models = models;
        this.steerings = steerings;
    }

    /** Why a model cannot hold a conversation, in one sentence; empty if it can. */
    public Optional<String> refusal(String model) {
        try {
            ChatTemplate.of(models.open(model).tokenizer());
            return Optional.empty();
        } catch (UsageException e) {
            return Optional.of(String.valueOf(e.getMessage()));
        }
    }

    /**
     * Writes the next answer in both conversations.
     *
     * @throws UsageException if the model has no chat template, or a conversation does not fit it
     */
    public ChatTurn answer(SteerChat chat, SteerListener listener, Progress progress) {
        SteerRequest settings = chat.settings();
        settings.check();
        String name = chat.model();
        LanguageModel model = models.open(name == null ? Models.BUILTIN : name);
        ChatTemplate template = ChatTemplate.of(model.tokenizer());
        List<ChatMessage> steered = chat.steeredMessages();
        int[] plain = prompt(template, model, chat.messages());
        return steerings.answer(
                model, plain, steered == null ? plain : prompt(template, model, steered), settings, listener, progress);
    }

    /** The conversation as token ids, as the answering was; programs read features of it. */
    public int[] prompt(String model, List<ChatMessage> messages) {
        LanguageModel m = models.open(model);
        return prompt(ChatTemplate.of(m.tokenizer()), m, messages);
    }

    private static int[] prompt(ChatTemplate template, LanguageModel model, List<ChatMessage> messages) {
        try {
            return template.prompt(model.tokenizer(), messages, Map.of());
        } catch (UsageException e) {
            throw e;
        } catch (LoupeException e) {
            throw new UsageException(String.valueOf(e.getMessage()));
        }
    }
}
