package dev.loupe.model;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** Turns the tokens of one text into pieces of text as they become certain, and says when the text ends. */
final class WrittenText {
    private final Tokenizer tokenizer;
    private final Sampling sampling;
    private final Utf8Stream bytes = new Utf8Stream();
    private final StopFilter stops;
    private final int most;
    private int n;
    private String reason = "";

    WrittenText(Tokenizer tokenizer, Sampling sampling, int most) {
        this.tokenizer = tokenizer;
        this.sampling = sampling;
        this.most = most;
        stops = new StopFilter(sampling.stop());
        if (most <= 0) {
            reason = "length";
        }
    }

    /** Why the text has ended; empty while it goes on. */
    String reason() {
        return reason;
    }

    /** Ends the text; what was held back is certain now. */
    String stop() {
        reason = "stop";
        return stops.add(bytes.end()) + stops.end();
    }

    /** Whether a token ends the text. */
    boolean isEnd(int id) {
        return tokenizer.endIds().contains(id);
    }

    /**
     * Takes a token that was chosen.
     *
     * @return what listeners shall hear; null after an end-of-sequence token that leaves nothing to say
     */
    @Nullable WrittenToken add(int id, float[] logits) {
        if (isEnd(id)) {
            String rest = stop();
            return rest.isEmpty() ? null : new WrittenToken(id, rest, Float.NaN, List.of());
        }
        n++;
        TokensWritten.one();
        String piece = tokenizer.isSpecial(id) ? "" : stops.add(bytes.add(tokenizer.tokenBytes(id)));
        if (stops.stopped()) {
            reason = "stop";
        } else if (n == most) { // what waits for more will get none
            reason = "length";
            piece += stops.add(bytes.end()) + stops.end();
            reason = stops.stopped() ? "stop" : reason;
        }
        if (!sampling.logProbs() && sampling.alternatives() == 0) {
            return new WrittenToken(id, piece, Float.NaN, List.of());
        }
        LogProbabilities p = LogProbabilities.of(logits);
        return new WrittenToken(id, piece, (float) p.of(id), p.likeliest(sampling.alternatives()));
    }
}
