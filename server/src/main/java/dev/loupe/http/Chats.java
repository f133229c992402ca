package dev.loupe.http;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.loupe.model.Candidate;
import dev.loupe.model.Generation;
import dev.loupe.model.Tokenizer;
import dev.loupe.model.WrittenToken;
import dev.loupe.service.Workbench;
import io.javalin.http.Context;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** {@code POST /v1/chat/completions}, whole or streamed, with edits in the extra field {@code loupe}. */
final class Chats {
    private final Workbench bench;

    record Alternative(String token, double logprob, List<Integer> bytes) {}

    record TokenLogProb(String token, double logprob, List<Integer> bytes, List<Alternative> topLogprobs) {}

    record LogProbs(List<TokenLogProb> content, @Nullable Object refusal) {}

    record Message(String role, String content, @Nullable Object refusal) {}

    record Choice(int index, Message message, @Nullable LogProbs logprobs, String finishReason) {}

    record Completion(
            String id, String object, long created, String model, List<Choice> choices, Completions.Usage usage) {}

    @JsonInclude(JsonInclude.Include.NON_NULL)
    record Delta(@Nullable String role, @Nullable String content) {}

    record ChunkChoice(
            int index,
            Delta delta,
            @Nullable LogProbs logprobs,
            @Nullable String finishReason) {}

    record Chunk(
            String id,
            String object,
            long created,
            String model,
            List<ChunkChoice> choices,

            @JsonInclude(JsonInclude.Include.NON_NULL) Completions.@Nullable Usage usage) {}

    Chats(Workbench bench) {
        this.bench = bench;
    }

    void handle(Context ctx) {
        ChatRequest request = ChatRequest.of(Params.body(ctx, JsonNode.class), bench);
        WritingRequest common = request.common();
        String id = "chatcmpl-" + UUID.randomUUID().toString().replace("-", "");
        long created = Instant.now().getEpochSecond();
        Answers answers = new Answers(bench, common, List.of(request.prompt()));
        if (common.stream()) {
            answers.stream(ctx, new Pieces(request, id, created));
            return;
        }
        List<Choice> choices = new ArrayList<>();
        int written = 0;
        for (Generation g : answers.whole(ctx)) {
            written += g.tokens().length;
            choices.add(new Choice(
                    choices.size(),
                    new Message("assistant", g.text(), null),
                    common.sampling().logProbs() ? logProbs(common.model().tokenizer(), g) : null,
                    Answers.reason(g)));
        }
        ctx.json(new Completion(
                id,
                "chat.completion",
                created,
                common.name(),
                choices,
                Completions.Usage.of(List.of(request.prompt()), written)));
    }

    private static LogProbs logProbs(Tokenizer tokenizer, Generation g) {
        List<TokenLogProb> all = new ArrayList<>();
        float[] values = g.logProbs();
        for (int i = 0; values != null && i < g.tokens().length; i++) {
            List<Candidate> top =
                    g.alternatives().isEmpty() ? List.of() : g.alternatives().get(i);
            all.add(one(tokenizer, g.tokens()[i], values[i], top));
        }
        return new LogProbs(all, null);
    }

    private static TokenLogProb one(Tokenizer tokenizer, int id, float logProb, List<Candidate> top) {
        return new TokenLogProb(
                tokenizer.token(id),
                logProb,
                bytes(tokenizer, id),
                top.stream()
                        .map(c -> new Alternative(tokenizer.token(c.id()), c.logProb(), bytes(tokenizer, c.id())))
                        .toList());
    }

    private static List<Integer> bytes(Tokenizer tokenizer, int id) {
        List<Integer> all = new ArrayList<>();
        for (byte b : tokenizer.tokenBytes(id)) {
            all.add(b & 0xFF);
        }
        return all;
    }

    /** The pieces of a stream. */
    private record Pieces(ChatRequest request, String id, long created) implements Answers.Shape {
        @Override
        public Object first(int choice) {
            return piece(choice, new Delta("assistant", ""), null, null);
        }

        @Override
        public @Nullable Object token(int choice, WrittenToken token) {
            WritingRequest common = request.common();
            LogProbs probs = common.sampling().logProbs() && !Float.isNaN(token.logProb())
                    ? new LogProbs(
                            List.of(one(common.model().tokenizer(), token.id(), token.logProb(), token.alternatives())),
                            null)
                    : null;
            return token.text().isEmpty() && probs == null
                    ? null
                    : piece(choice, new Delta(null, token.text()), probs, null);
        }

        @Override
        public Object last(int choice, String reason) {
            return piece(choice, new Delta(null, null), null, reason);
        }

        @Override
        public Object usage(int written) {
            return chunk(List.of(), Completions.Usage.of(List.of(request.prompt()), written));
        }

        private Chunk piece(int choice, Delta delta, @Nullable LogProbs probs, @Nullable String reason) {
            return chunk(List.of(new ChunkChoice(choice, delta, probs, reason)), null);
        }

        private Chunk chunk(List<ChunkChoice> choices, Completions.@Nullable Usage usage) {
            return new Chunk(
                    id, "chat.completion.chunk", created, request.common().name(), choices, usage);
        }
    }
}
