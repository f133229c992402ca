package dev.loupe.steer;

import dev.loupe.base.CancelledException;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.model.Continuation;
import dev.loupe.model.Generation;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.Sampling;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenListener;
import java.util.Objects;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Writing under edits of features, neurons and vectors, and what the edits change. */
public final class Steering {
    private Steering() {}

    /**
     * Resolves a variant against a model. Nothing that could not be applied gets through: an unknown SAE, a latent out
     * of range, a strength in multiples of a maximum nobody knows, a condition read after the edit it decides.
     *
     * @throws UsageException in one sentence
     */
    public static CompiledVariant compile(Variant variant, LanguageModel model, SteeringContext context) {
        return new Compiler(model, context).compile(variant);
    }

    /** The edits of a variant for one text that begins with this prompt; see {@link CompiledVariant.Run#taps}. */
    public static Taps taps(Variant variant, LanguageModel model, SteeringContext context, int[] prompt) {
        return compile(variant, model, context).on(prompt, prompt.length).taps();
    }

    /**
     * Continues a prompt as the model is and under a variant, with the same seed, and compares the two. The prompt is
     * tokenized as the tokenizer does by itself.
     *
     * @throws UsageException if the request does not fit the model, in one sentence
     */
    public static SteerResult run(
            LanguageModel model, SteerRequest request, SteeringContext context, SteerListener listener, Progress p) {
        request.check();
        CompiledVariant variant = compile(request.variant(), model, context);
        int[] prompt = model.tokenizer().encode(request.prompt());
        Pair both = write(model, variant, prompt, prompt, request, listener, p);
        return new SteerResult(
                both.plain.text(),
                both.steered.text(),
                both.plain.kl(),
                model.tokenizer().pieces(prompt),
                both.plain.tokens(),
                both.steered.tokens(),
                both.plain.finish(),
                both.steered.finish(),
                variant.words(),
                request,
                both.seconds,
                both.rate());
    }

    /**
     * Answers in two conversations, as the model is and under a variant.
     *
     * @param plain token ids of the model's own conversation, ready for an answer
     * @param steered those of the steered one
     * @param settings how to write; its prompt does not matter
     * @throws UsageException if a conversation does not fit the model, in one sentence
     */
    public static ChatTurn answer(
            LanguageModel model,
            int[] plain,
            int[] steered,
            SteerRequest settings,
            SteeringContext context,
            SteerListener listener,
            Progress p) {
        CompiledVariant variant = compile(settings.variant(), model, context);
        Pair both = write(model, variant, plain, steered, settings, listener, p);
        return new ChatTurn(both.plain, both.steered, variant.words(), both.seconds, both.rate());
    }

    /** Two texts and the time of writing them. */
    private record Pair(ChatTurn.Side plain, ChatTurn.Side steered, double seconds) {
        double rate() {
            int tokens = plain.tokens().size() + steered.tokens().size();
            return seconds > 0 ? tokens / seconds : 0;
        }
    }

    private static Pair write(
            LanguageModel model,
            CompiledVariant variant,
            int[] plain,
            int[] steered,
            SteerRequest settings,
            SteerListener listener,
            Progress p) {
        int longest = Math.max(plain.length, steered.length);
        int room = model.config().nCtx() - longest;
        if (plain.length == 0 || steered.length == 0) {
            throw new UsageException("The prompt has no tokens; give a text to continue.");
        }
        if (room < 1) {
            throw new UsageException("The prompt has " + longest + " tokens and the model reads at most "
                    + model.config().nCtx() + ", so there is no room to write; shorten it.");
        }
        Sampling sampling = new Sampling(
                Math.min(settings.maxTokens(), room),
                Objects.requireNonNull(settings.temperature()),
                settings.topK(),
                Objects.requireNonNull(settings.topP()),
                settings.seed(),
                settings.stop(),
                false);
        p.stage("writing", 2L * sampling.maxTokens(), "tokens");
        long start = System.nanoTime();
        CompiledVariant.Run run = variant.on(steered, steered.length);
        long[] done = {0};
        TokenListener hearSteered = run.listening(hear(true, listener, p, done));
        Generation[] both = together(
                model.begin(plain, sampling, Taps.none()),
                hear(false, listener, p, done),
                model.begin(steered, sampling, run.taps()),
                hearSteered);
        p.check();
        double seconds = (System.nanoTime() - start) / 1e9;
        p.stage("comparing", 2, "texts");
        ChatTurn.Side a = side(both[0], new Comparison(model, variant, plain), plain.length, false);
        p.advance(1);
        ChatTurn.Side b = side(both[1], new Comparison(model, variant, steered), steered.length, true);
        p.advance(2);
        return new Pair(a, b, seconds);
    }

    private static ChatTurn.Side side(Generation g, Comparison compare, int prompt, boolean steered) {
        Comparison.Stream read = compare.stream(g.tokens(), steered);
        return new ChatTurn.Side(prompt, g.text(), read.tokens(), g.finishReason(), read.meanKl());
    }

    /** Hears two texts at once, as they are written. */
    private static Generation[] together(Continuation a, TokenListener hearA, Continuation b, TokenListener hearB) {
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            Future<Generation> first = threads.submit(() -> a.listen(hearA));
            try {
                Generation second = b.listen(hearB);
                return new Generation[] {first.get(), second};
            } finally {
                a.cancel(); // of no effect on a text that is finished
                b.cancel();
            }
        } catch (ExecutionException e) {
            throw e.getCause() instanceof RuntimeException r ? r : new IllegalStateException(e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CancelledException();
        }
    }

    /** The two texts come in two threads; listeners hear one token at a time. */
    private static TokenListener hear(boolean steered, SteerListener listener, Progress p, long[] done) {
        return (id, text, logProb) -> {
            synchronized (done) {
                if (!text.isEmpty()) {
                    listener.text(steered, text);
                }
                p.advance(++done[0]);
                return !p.cancelled();
            }
        };
    }
}
