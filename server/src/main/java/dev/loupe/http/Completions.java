package dev.loupe.http;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.loupe.base.LoupeException;
import dev.loupe.model.Generation;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.TokenListener;
import dev.loupe.service.Workbench;
import io.javalin.http.Context;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** {@code POST /v1/completions}, whole or streamed, with edits in the extra field {@code loupe}. */
final class Completions {
    private final Workbench bench;

    /** A parameter that is wrong, by name. */
    static final class BadParameter extends LoupeException {
        private static final long serialVersionUID = 1L;
        private final @Nullable String param;

        BadParameter(String sentence, @Nullable String param) {
            super(sentence);
            this.param = param;
        }

        @Nullable String param() {
            return param;
        }
    }

    record LogProbs(
            List<String> tokens,
            List<Double> tokenLogprobs,
            @Nullable List<Object> topLogprobs,
            List<Integer> textOffset) {}

    record Choice(
            String text,
            int index,
            @Nullable LogProbs logprobs,
            @Nullable String finishReason) {}

    record Usage(int promptTokens, int completionTokens, int totalTokens) {}

    record Completion(
            String id,
            String object,
            long created,
            String model,
            List<Choice> choices,

            @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable Usage usage) {}

    Completions(Workbench bench) {
        this.bench = bench;
    }

    void handle(Context ctx) {
        JsonNode body = Params.body(ctx, JsonNode.class);
        CompletionRequest request = CompletionRequest.of(body, bench);
        LanguageModel model = bench.models().open(request.model());
        bench.steer().explain(request.model(), request.variant()); // refused before the first byte of a stream
        for (int[] prompt : request.prompts()) {
            check(model, prompt);
        }
        String id = "cmpl-" + UUID.randomUUID().toString().replace("-", "");
        long created = Instant.now().getEpochSecond();
        if (request.stream()) {
            stream(ctx, request, model, id, created);
        } else {
            ctx.json(whole(request, model, id, created));
        }
    }

    private Completion whole(CompletionRequest request, LanguageModel model, String id, long created) {
        List<Choice> choices = new ArrayList<>();
        int written = 0;
        for (int p = 0; p < request.prompts().size(); p++) {
            for (int i = 0; i < request.n(); i++) {
                int index = choices.size();
                Generation g = bench.steer()
                        .generate(
                                model,
                                request.prompts().get(p),
                                request.variant(),
                                request.sampling(i),
                                TokenListener.silent());
                written += g.tokens().length;
                String front = request.echo() ? request.texts().get(p) : "";
                choices.add(
                        new Choice(front + g.text(), index, logProbs(request, model, g, front.length()), reason(g)));
            }
        }
        return new Completion(id, "text_completion", created, request.model(), choices, usage(request, written));
    }

    private void stream(Context ctx, CompletionRequest request, LanguageModel model, String id, long created) {
        EventStream events = new EventStream(ctx);
        int written = 0;
        int index = 0;
        for (int p = 0; p < request.prompts().size(); p++) {
            for (int i = 0; i < request.n(); i++, index++) {
                int choice = index;
                if (request.echo()) {
                    events.send(
                            null,
                            null,
                            chunk(request, id, created, request.texts().get(p), choice, null, null));
                }
                Generation g = bench.steer()
                        .generate(
                                model,
                                request.prompts().get(p),
                                request.variant(),
                                request.sampling(i),
                                (token, text, logProb) -> {
                                    LogProbs probs = request.logProbs()
                                            ? new LogProbs(
                                                    List.of(model.tokenizer().token(token)),
                                                    List.of((double) logProb),
                                                    null,
                                                    List.of(0))
                                            : null;
                                    if (!text.isEmpty() || probs != null) {
                                        events.send(null, null, chunk(request, id, created, text, choice, probs, null));
                                    }
                                    return events.open();
                                });
                written += g.tokens().length;
                events.send(null, null, chunk(request, id, created, "", choice, null, reason(g)));
            }
        }
        if (request.usage()) {
            events.send(
                    null,
                    null,
                    new Completion(
                            id, "text_completion", created, request.model(), List.of(), usage(request, written)));
        }
        events.send(null, null, "[DONE]");
    }

    private static Completion chunk(
            CompletionRequest request,
            String id,
            long created,
            String text,
            int index,
            @Nullable LogProbs probs,
            @Nullable String reason) {
        return new Completion(
                id, "text_completion", created, request.model(), List.of(new Choice(text, index, probs, reason)), null);
    }

    private static void check(LanguageModel model, int[] prompt) {
        for (int id : prompt) {
            if (id < 0 || id >= model.config().dVocab()) {
                throw new BadParameter("The token id " + id + " is not in the vocabulary of the model.", "prompt");
            }
        }
        if (prompt.length >= model.config().nCtx()) {
            throw new BadParameter(
                    "The prompt has " + prompt.length + " tokens and the model reads at most "
                            + model.config().nCtx() + "; shorten it.",
                    "prompt");
        }
    }

    private static @Nullable LogProbs logProbs(
            CompletionRequest request, LanguageModel model, Generation g, int offset) {
        float[] values = g.logProbs();
        if (!request.logProbs() || values == null) {
            return null;
        }
        List<String> pieces = model.tokenizer().pieces(g.tokens());
        List<Double> probs = new ArrayList<>();
        List<Integer> offsets = new ArrayList<>();
        int at = offset;
        for (int i = 0; i < pieces.size(); i++) {
            probs.add((double) values[i]);
            offsets.add(at);
            at += pieces.get(i).length();
        }
        return new LogProbs(pieces, probs, null, offsets);
    }

    private static String reason(Generation g) {
        return g.finishReason().equals("cancelled") ? "stop" : g.finishReason();
    }

    private static Usage usage(CompletionRequest request, int written) {
        int read = request.prompts().stream().mapToInt(p -> p.length).sum();
        return new Usage(read, written, read + written);
    }
}
