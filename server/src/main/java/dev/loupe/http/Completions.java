package dev.loupe.http;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.loupe.model.Activation;
import dev.loupe.model.Candidate;
import dev.loupe.model.Generation;
import dev.loupe.model.LogProbabilities;
import dev.loupe.model.Tokenizer;
import dev.loupe.model.WrittenToken;
import dev.loupe.service.Workbench;
import io.javalin.http.Context;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** {@code POST /v1/completions}, whole or streamed, with edits in the extra field {@code loupe}. */
final class Completions {
    private static final String OBJECT = "text_completion";

    private final Workbench bench;

    record LogProbs(
            List<String> tokens,
            List<@Nullable Double> tokenLogprobs,
            @Nullable List<@Nullable Map<String, Double>> topLogprobs,
            List<Integer> textOffset) {}

    record Choice(
            String text,
            int index,
            @Nullable LogProbs logprobs,
            @Nullable String finishReason) {}

    record Usage(int promptTokens, int completionTokens, int totalTokens) {
        static Usage of(List<int[]> prompts, int written) {
            int read = prompts.stream().mapToInt(p -> p.length).sum();
            return new Usage(read, written, read + written);
        }
    }

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
        CompletionRequest request = CompletionRequest.of(Params.body(ctx, JsonNode.class), bench);
        WritingRequest common = request.common();
        String id = "cmpl-" + UUID.randomUUID().toString().replace("-", "");
        long created = Instant.now().getEpochSecond();
        Answers answers = new Answers(bench, common, request.prompts());
        if (common.stream()) {
            answers.stream(ctx, new Pieces(request, id, created));
            return;
        }
        List<Choice> choices = new ArrayList<>();
        int written = 0;
        for (Generation g : answers.whole(ctx)) {
            int prompt = choices.size() / common.n();
            written += g.tokens().length;
            String front = request.echo() ? request.texts().get(prompt) : "";
            LogProbs probs = common.sampling().logProbs() ? logProbs(request, prompt, g) : null;
            choices.add(new Choice(front + g.text(), choices.size(), probs, Answers.reason(g)));
        }
        ctx.json(new Completion(id, OBJECT, created, common.name(), choices, Usage.of(request.prompts(), written)));
    }

    /** Of the written tokens and, where the prompt is echoed, of its tokens too; the first of those has none. */
    private LogProbs logProbs(CompletionRequest request, int prompt, Generation g) {
        WritingRequest common = request.common();
        Tokenizer tokenizer = common.model().tokenizer();
        Lines lines = new Lines(tokenizer, common.sampling().alternatives());
        if (request.echo()) {
            int[] ids = request.prompts().get(prompt);
            Activation logits = bench.steer().logits(common.model(), ids, common.variant());
            List<String> pieces = tokenizer.pieces(ids);
            for (int i = 0; i < ids.length; i++) {
                String text = tokenizer.isSpecial(ids[i]) ? "" : pieces.get(i);
                if (i == 0) {
                    lines.add(tokenizer.token(ids[i]), text, null, List.of());
                } else {
                    LogProbabilities p = LogProbabilities.of(logits.row(0, i - 1));
                    lines.add(tokenizer.token(ids[i]), text, p.of(ids[i]), p.likeliest(lines.alternatives));
                }
            }
        }
        List<String> pieces = tokenizer.pieces(g.tokens());
        float[] values = g.logProbs();
        for (int i = 0; values != null && i < pieces.size(); i++) {
            List<Candidate> top =
                    g.alternatives().isEmpty() ? List.of() : g.alternatives().get(i);
            lines.add(pieces.get(i), pieces.get(i), (double) values[i], top);
        }
        return lines.done();
    }

    /** Collects the columns of log-probabilities. */
    private static final class Lines {
        private final Tokenizer tokenizer;
        private final int alternatives;
        private final List<String> tokens = new ArrayList<>();
        private final List<@Nullable Double> values = new ArrayList<>();
        private final List<@Nullable Map<String, Double>> top = new ArrayList<>();
        private final List<Integer> offsets = new ArrayList<>();
        private int at;

        Lines(Tokenizer tokenizer, int alternatives) {
            this.tokenizer = tokenizer;
            this.alternatives = alternatives;
        }

        void add(String token, String text, @Nullable Double value, List<Candidate> likeliest) {
            tokens.add(token);
            values.add(value);
            top.add(value == null ? null : named(tokenizer, likeliest));
            offsets.add(at);
            at += text.length();
        }

        LogProbs done() {
            return new LogProbs(tokens, values, alternatives == 0 ? null : top, offsets);
        }
    }

    private static Map<String, Double> named(Tokenizer tokenizer, List<Candidate> likeliest) {
        Map<String, Double> map = new LinkedHashMap<>();
        likeliest.forEach(c -> map.putIfAbsent(tokenizer.token(c.id()), (double) c.logProb()));
        return map;
    }

    /** The pieces of a stream. */
    private record Pieces(CompletionRequest request, String id, long created) implements Answers.Shape {
        @Override
        public @Nullable Object first(int choice) {
            return request.echo()
                    ? piece(request.texts().get(choice / request.common().n()), choice, null, null)
                    : null;
        }

        @Override
        public @Nullable Object token(int choice, WrittenToken token) {
            Tokenizer tokenizer = request.common().model().tokenizer();
            if (!request.common().sampling().logProbs() || Float.isNaN(token.logProb())) {
                return token.text().isEmpty() ? null : piece(token.text(), choice, null, null);
            }
            LogProbs probs = new LogProbs(
                    List.of(tokenizer.token(token.id())),
                    List.of((double) token.logProb()),
                    request.common().sampling().alternatives() == 0
                            ? null
                            : List.of(named(tokenizer, token.alternatives())),
                    List.of(0));
            return piece(token.text(), choice, probs, null);
        }

        @Override
        public Object last(int choice, String reason) {
            return piece("", choice, null, reason);
        }

        @Override
        public Object usage(int written) {
            return new Completion(
                    id, OBJECT, created, request.common().name(), List.of(), Usage.of(request.prompts(), written));
        }

        private Completion piece(String text, int choice, @Nullable LogProbs probs, @Nullable String reason) {
            return new Completion(
                    id,
                    OBJECT,
                    created,
                    request.common().name(),
                    List.of(new Choice(text, choice, probs, reason)),
                    null);
        }
    }
}
