package dev.loupe.steer;

import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.model.Continuation;
import dev.loupe.model.Generation;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.Sampling;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenBatch;
import dev.loupe.model.TokenListener;
import dev.loupe.model.Want;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * What a variant does at several strengths: effect and side effects side by side.
 *
 * @param points one for each strength, in the order asked for
 * @param request what was asked, defaults filled in
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
public record DoseResponse(List<Point> points, Dose request) {
    private static final double SURE = 0.9;

    /**
     * One strength.
     *
     * @param strength the factor
     * @param klNeutral mean KL(default ‖ steered) over the tokens of the neutral texts but their first, in nats; null
     *     without such texts
     * @param perplexity of the written texts under the model as it is: how unlikely it finds them; null if nothing was
     *     written
     * @param distinct2 different pairs of neighbouring tokens / all pairs, mean over the texts: low where they repeat
     * @param targetRate share of the texts that the language identifier gives the target with a confidence of 0.9; null
     *     without a target
     * @param edits what the edits came to, in words and absolute units
     * @param texts what was written, one for each prompt
     */
    @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
    public record Point(
            double strength,
            @Nullable Double klNeutral,
            @Nullable Double perplexity,
            double distinct2,
            @Nullable Double targetRate,
            List<String> edits,
            List<String> texts) {}

    /**
     * Measures.
     *
     * @throws UsageException if the request does not fit the model, in one sentence
     */
    public static DoseResponse run(LanguageModel model, Dose request, SteeringContext context, Progress progress) {
        request.check();
        List<int[]> prompts = request.prompts().stream()
                .map(p -> fitting(model, model.tokenizer().encode(p), request.maxTokens()))
                .toList();
        List<int[]> neutral = request.neutral().stream()
                .map(t -> fitting(model, model.tokenizer().encode(t), 0))
                .toList();
        List<CompiledVariant> variants = request.strengths().stream()
                .map(s -> Steering.compile(request.scaled(s), model, context))
                .toList(); // what cannot be applied is refused before anything is written
        progress.stage("measuring", variants.size(), "strengths");
        List<Point> points = new ArrayList<>();
        for (CompiledVariant variant : variants) {
            progress.check();
            points.add(point(model, request, request.strengths().get(points.size()), variant, prompts, neutral));
            progress.advance(points.size());
        }
        return new DoseResponse(List.copyOf(points), request);
    }

    private static Point point(
            LanguageModel model,
            Dose request,
            double strength,
            CompiledVariant variant,
            List<int[]> prompts,
            List<int[]> neutral) {
        List<Generation> written = write(model, request, variant, prompts);
        double loss = 0;
        int tokens = 0;
        double distinct = 0;
        List<String> texts = new ArrayList<>();
        for (int i = 0; i < written.size(); i++) {
            int[] ids = written.get(i).tokens();
            texts.add(written.get(i).text());
            distinct += distinct2(ids) / written.size();
            if (ids.length > 0) {
                int[] prompt = prompts.get(i);
                int[] all = Arrays.copyOf(prompt, prompt.length + ids.length);
                System.arraycopy(ids, 0, all, prompt.length, ids.length);
                float[] losses = model.forward(TokenBatch.of(all), Taps.none(), Want.TOKEN_LOSS)
                        .tokenLoss()[0];
                for (int p = prompt.length - 1; p < losses.length; p++) {
                    loss += losses[p];
                    tokens++;
                }
            }
        }
        return new Point(
                strength,
                neutral.isEmpty() ? null : (Double) klNeutral(model, variant, neutral),
                tokens == 0 ? null : (Double) Math.exp(loss / tokens),
                distinct,
                request.target() == null ? null : (Double) targetRate(texts, request.target()),
                variant.words(),
                List.copyOf(texts));
    }

    /** All prompts together. */
    private static List<Generation> write(
            LanguageModel model, Dose request, CompiledVariant variant, List<int[]> prompts) {
        List<Continuation> begun = new ArrayList<>();
        try {
            for (int i = 0; i < prompts.size(); i++) {
                Sampling sampling = Sampling.random(request.maxTokens(), request.temperature(), 1, request.seed() + i);
                int[] prompt = prompts.get(i);
                begun.add(model.begin(
                        prompt, sampling, variant.on(prompt, prompt.length).taps()));
            }
            return begun.stream().map(c -> c.listen(TokenListener.silent())).toList();
        } finally {
            begun.forEach(Continuation::cancel);
        }
    }

    private static double klNeutral(LanguageModel model, CompiledVariant variant, List<int[]> texts) {
        double sum = 0;
        int tokens = 0;
        for (int[] ids : texts) {
            int[] first = Arrays.copyOf(ids, 1);
            int[] rest = Arrays.copyOfRange(ids, 1, ids.length);
            sum += new Comparison(model, variant, first).stream(rest, false).meanKl() * Math.max(1, rest.length);
            tokens += Math.max(1, rest.length);
        }
        return sum / tokens;
    }

    static double distinct2(int[] ids) {
        if (ids.length < 2) {
            return 1;
        }
        Set<Long> pairs = new HashSet<>();
        for (int i = 1; i < ids.length; i++) {
            pairs.add((long) ids[i - 1] << 32 | ids[i]);
        }
        return (double) pairs.size() / (ids.length - 1);
    }

    private static double targetRate(List<String> texts, String target) {
        LanguageIdentifier identifier = LanguageIdentifier.ofEuroparl();
        long hits = texts.stream()
                .map(identifier::of)
                .filter(l -> l.language().equals(target) && l.confidence() >= SURE)
                .count();
        return (double) hits / texts.size();
    }

    private static int[] fitting(LanguageModel model, int[] ids, int more) {
        if (ids.length == 0 || ids.length + more > model.config().nCtx()) {
            throw new UsageException("A text of " + ids.length + " tokens"
                    + (more > 0 ? " and " + more + " to write do" : " does") + " not fit the model, which reads 1 to "
                    + model.config().nCtx() + ".");
        }
        return ids;
    }
}
