package dev.loupe.model;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a model wrote.
 *
 * @param tokens the new tokens, without the prompt and without a final end-of-sequence token; where a stop string ended
 *     the text, up to the token that completed it
 * @param text their text, cut before a stop string
 * @param finishReason {@code stop} (end-of-sequence or a stop string), {@code length} (enough tokens, or the model's
 *     context is full) or {@code cancelled} (the listener said so)
 * @param logProbs the natural logarithm of each token's probability, before temperature and cuts; null unless asked for
 * @param alternatives the most likely tokens at each place, most likely first; empty unless asked for
 */
public record Generation(
        int[] tokens,
        String text,
        String finishReason,
        float @Nullable [] logProbs,
        List<List<Candidate>> alternatives) {
    /** Without alternatives. */
    public Generation(int[] tokens, String text, String finishReason, float @Nullable [] logProbs) {
        this(tokens, text, finishReason, logProbs, List.of());
    }
}
