package dev.loupe.model;

import dev.loupe.base.CancelledException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;

/**
 * One text between the thread that writes it and the thread that hears it. What was written waits in a queue (at most as
 * many tokens as were asked for), so a slow listener holds nobody up.
 */
final class WritingJob implements Continuation {
    final int[] prompt;
    final Taps taps;
    /** Tokens of the prompt that the model has read. */
    int read;
    /** The token that the model reads next. */
    int next;

    private final Sampling sampling;
    private final Sampler sampler;
    private final WrittenText text;
    private final int most;
    private final BlockingQueue<Heard> queue = new LinkedBlockingQueue<>();
    private volatile boolean cancelled;

    /** What the listening thread learns. */
    private sealed interface Heard {
        /** A token; {@code real} unless it only brings text that an end-of-sequence token made certain. */
        record Token(WrittenToken token, boolean real, String reason) implements Heard {}

        record End(String reason) implements Heard {}

        record Failure(RuntimeException cause) implements Heard {}
    }

    WritingJob(int[] prompt, Sampling sampling, Taps taps, Tokenizer tokenizer, int room) {
        this.prompt = prompt;
        this.sampling = sampling;
        this.taps = taps;
        this.most = Math.min(sampling.maxTokens(), room);
        this.sampler = new Sampler(sampling, prompt);
        this.text = new WrittenText(tokenizer, sampling, most);
        if (over()) {
            queue.add(new Heard.End(text.reason()));
        }
    }

    /** Positions that prompt and text may take in the end. */
    int positions() {
        return prompt.length + Math.max(0, most);
    }

    /** Whether nothing more is to be done. */
    boolean over() {
        return cancelled || !text.reason().isEmpty();
    }

    /** Chooses the next token. */
    void choose(float[] logits) {
        try {
            next = sampler.next(logits);
            boolean real = !text.isEnd(next);
            WrittenToken token = text.add(next, logits);
            if (token != null) {
                queue.add(new Heard.Token(token, real, text.reason()));
            } else {
                queue.add(new Heard.End(text.reason()));
            }
        } catch (RuntimeException e) {
            fail(e);
        }
    }

    /** Ends the text because its editors say so. */
    void stop() {
        String rest = text.stop();
        queue.add(
                rest.isEmpty()
                        ? new Heard.End(text.reason())
                        : new Heard.Token(new WrittenToken(next, rest, Float.NaN, List.of()), false, text.reason()));
    }

    /** Ends the text with an error. */
    void fail(RuntimeException cause) {
        cancelled = true;
        queue.add(new Heard.Failure(cause));
    }

    @Override
    public void cancel() {
        cancelled = true;
        queue.add(new Heard.End("cancelled"));
    }

    @Override
    public Generation listen(TokenListener listener) {
        List<WrittenToken> tokens = new ArrayList<>();
        StringBuilder written = new StringBuilder();
        try {
            while (true) {
                switch (queue.take()) {
                    case Heard.Token(WrittenToken token, boolean real, String reason) -> {
                        written.append(token.text());
                        if (real) {
                            tokens.add(token);
                        }
                        boolean goOn = listener.token(token);
                        if (!reason.isEmpty()) {
                            return result(tokens, written, reason);
                        }
                        if (!goOn) {
                            cancel();
                            return result(tokens, written, "cancelled");
                        }
                    }
                    case Heard.End(String reason) -> {
                        return result(tokens, written, reason);
                    }
                    case Heard.Failure(RuntimeException cause) -> throw cause;
                }
            }
        } catch (InterruptedException e) {
            cancel();
            Thread.currentThread().interrupt();
            throw new CancelledException();
        } catch (RuntimeException e) {
            cancel(); // a listener that fails wants nothing more
            throw e;
        }
    }

    private Generation result(List<WrittenToken> tokens, CharSequence written, String reason) {
        int[] ids = tokens.stream().mapToInt(WrittenToken::id).toArray();
        float[] logProbs = new float[ids.length];
        List<List<Candidate>> alternatives = new ArrayList<>();
        for (int i = 0; i < ids.length; i++) {
            logProbs[i] = tokens.get(i).logProb();
            alternatives.add(tokens.get(i).alternatives());
        }
        return new Generation(
                ids,
                written.toString(),
                reason,
                sampling.logProbs() ? logProbs : null,
                sampling.alternatives() > 0 ? List.copyOf(alternatives) : List.of());
    }
}
