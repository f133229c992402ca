package dev.loupe.chat;

import com.hubspot.jinjava.Jinjava;
import com.hubspot.jinjava.JinjavaConfig;
import com.hubspot.jinjava.LegacyOverrides;
import com.hubspot.jinjava.interpret.Context;
import com.hubspot.jinjava.interpret.RenderResult;
import com.hubspot.jinjava.interpret.TemplateError;
import com.hubspot.jinjava.lib.fn.ELFunctionDefinition;
import dev.loupe.base.Checksums;
import dev.loupe.base.LoupeException;
import dev.loupe.base.UsageException;
import dev.loupe.model.Tokenizer;
import java.nio.charset.StandardCharsets;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A chat template of a model (the {@code chat_template} of its {@code tokenizer_config.json}, its
 * {@code chat_template.jinja} or its GGUF metadata). Rendered as {@code apply_chat_template} of transformers does: blocks
 * are trimmed, {@code raise_exception}, {@code strftime_now}, {@code tojson}, {@code namespace}, loop controls and the
 * {@code generation} tag are there, and strings have Python's methods. Safe for use from several threads.
 */
public final class ChatTemplate {
    /** The date that a conversation sees that is captured: the one that the templates of Llama 3 fall back to. */
    public static final LocalDate CAPTURE_DATE = LocalDate.of(2024, 7, 26);

    private static final ScopedValue<LocalDateTime> TIME = ScopedValue.newInstance();
    private static final Jinjava JINJA = engine();

    private final String source;

    /** A template from its text. */
    public ChatTemplate(String text) {
        this.source = JinjaSource.translate(text);
    }

    /**
     * The template of a model.
     *
     * @throws UsageException if it has none: what others make up for such models gives plausible nonsense
     */
    public static ChatTemplate of(Tokenizer tokenizer) {
        String text = tokenizer.chatTemplate();
        if (text == null) {
            throw new UsageException("The model has no chat template, so it was not trained on conversations: send a"
                    + " prompt to /v1/completions, or give a template in chat_template.");
        }
        return new ChatTemplate(text);
    }

    /**
     * The token ids of a conversation, ready for an answer.
     *
     * @param more other variables that a template may ask for
     */
    public int[] prompt(Tokenizer tokenizer, List<ChatMessage> messages, Map<String, Object> more) {
        Integer bos = tokenizer.bosId();
        Integer eos = tokenizer.eosId();
        String text = render(
                messages,
                bos == null ? null : tokenizer.token(bos),
                eos == null ? null : tokenizer.token(eos),
                more,
                true);
        return tokenizer.encode(text, false); // the template writes the special tokens
    }

    /**
     * A conversation that is over, with who says what. Templates that ask for the date get {@link #CAPTURE_DATE}, so the
     * same conversation has the same tokens on every day.
     *
     * @param bos text of the beginning-of-sequence token; null if the model has none
     * @param eos text of the end-of-sequence token; null if the model has none
     * @throws UsageException if the template refuses the conversation, in its own words
     * @throws LoupeException if the template cannot be rendered
     */
    public Conversation conversation(List<ChatMessage> messages, @Nullable String bos, @Nullable String eos) {
        return ScopedValue.where(TIME, CAPTURE_DATE.atStartOfDay())
                .call(() -> Conversation.render(this, messages, bos, eos));
    }

    /** SHA-256 of the template, in hexadecimal. */
    public String checksum() {
        return Checksums.sha256(source.getBytes(StandardCharsets.UTF_8));
    }

    private static Jinjava engine() {
        Jinjava jinja = new Jinjava(Sandbox.limits(JinjavaConfig.newBuilder())
                .withNestedInterpretationEnabled(false) // text of a user is no template
                .withElResolver(new PythonResolver())
                .withLegacyOverrides(LegacyOverrides.newBuilder()
                        .withIterateOverMapKeys(true)
                        .withUsePyishObjectMapper(true)
                        .withUseNaturalOperatorPrecedence(true)
                        .withParseWhitespaceControlStrictly(true)
                        .withKeepNullableLoopValues(true)
                        .withHandleBackslashInQuotesOnly(true)
                        .build())
                .build());
        Context global = jinja.getGlobalContext();
        global.registerFilter(new ToJson());
        global.registerFunction(
                new ELFunctionDefinition("", "raise_exception", ChatFunctions.class, "raise", Object.class));
        global.registerFunction(new ELFunctionDefinition("", "strftime_now", ChatFunctions.class, "now", String.class));
        return jinja;
    }

    /**
     * The prompt for a conversation.
     *
     * @param messages first one first
     * @param bos text of the beginning-of-sequence token; null if the model has none
     * @param eos text of the end-of-sequence token; null if the model has none
     * @param more other variables that a template may ask for, such as {@code enable_thinking}
     * @param addGenerationPrompt whether the text ends where the assistant begins to speak
     * @throws UsageException if the template refuses the conversation, in its own words
     * @throws LoupeException if the template cannot be rendered
     */
    public String render(
            List<ChatMessage> messages,
            @Nullable String bos,
            @Nullable String eos,
            Map<String, Object> more,
            boolean addGenerationPrompt) {
        Map<String, Object> variables = new LinkedHashMap<>(more);
        List<Object> all = new ArrayList<>();
        for (ChatMessage m : messages) {
            Map<String, Object> message = new LinkedHashMap<>();
            message.put("role", m.role());
            message.put("content", m.content());
            all.add(message);
        }
        variables.put("messages", all);
        variables.put("add_generation_prompt", addGenerationPrompt);
        if (bos != null) {
            variables.put("bos_token", bos);
        }
        if (eos != null) {
            variables.put("eos_token", eos);
        }
        RenderResult result = Sandbox.run(() -> JINJA.renderForResult(source, variables));
        for (TemplateError error : result.getErrors()) {
            String refusal = ChatFunctions.refusal(error.getException());
            if (refusal != null) {
                throw new UsageException(refusal);
            }
            throw new LoupeException("The model's chat template cannot be rendered (line " + error.getLineno() + ": "
                    + plain(error.getMessage()) + "); send the prompt as text instead.");
        }
        return result.getOutput();
    }

    /** What the library says, without the names of its classes. */
    private static String plain(String message) {
        return message.replaceAll("(?:class )?\\b(?:com\\.hubspot|jinjava|java)\\.[\\w.$@]+", "this value");
    }

    /** {@link #render(List, String, String, Map, boolean)} without other variables, ready for an answer. */
    public String render(List<ChatMessage> messages, @Nullable String bos, @Nullable String eos) {
        return render(messages, bos, eos, Map.of(), true);
    }

    /** The time that templates see. */
    static LocalDateTime now() {
        return TIME.isBound() ? TIME.get() : LocalDateTime.now(java.time.ZoneId.systemDefault());
    }
}
