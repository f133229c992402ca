package dev.loupe.service;

import dev.loupe.base.UsageException;
import org.jspecify.annotations.Nullable;

/**
 * A text to look into, and at what. Every field but the text may be left out.
 *
 * @param text the text
 * @param model a model's name; the embedded one if absent
 * @param bos whether BOS goes in front; true if absent
 * @param token the text of one token (or {@code #ID}): whose rank the lens shows, whose logit is taken apart
 * @param versus the text of another token: the difference of both logits is taken apart
 * @param top tokens in each cell of the lens; 5 if absent
 * @param layer whose attention is shown; 0 if absent
 * @param position of the prediction that is taken apart, below 0 from the end; the last if absent
 * @param sae whose latents are told apart
 */
public record InspectRequest(
        String text,
        @Nullable String model,
        @Nullable Boolean bos,
        @Nullable String token,
        @Nullable String versus,
        @Nullable Integer top,
        @Nullable Integer layer,
        @Nullable Integer position,
        @Nullable String sae) {
    /** Checks that there is a text. */
    @SuppressWarnings("ConstantValue") // JSON may leave a field out
    public InspectRequest {
        if (text == null || text.isEmpty()) {
            throw new UsageException("The text is empty; send {\"text\": \"...\"}.");
        }
    }

    /** A text for a model, everything else as usual. */
    public static InspectRequest of(@Nullable String model, String text) {
        return new InspectRequest(text, model, null, null, null, null, null, null, null);
    }

    /** The same for the prediction at a position, with an SAE's latents or without. */
    public InspectRequest at(int newPosition, @Nullable String newSae) {
        return new InspectRequest(text, model, bos, token, versus, top, layer, newPosition, newSae);
    }
}
