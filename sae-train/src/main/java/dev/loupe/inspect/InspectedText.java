package dev.loupe.inspect;

import dev.loupe.base.UsageException;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.Tokenizer;
import java.util.Arrays;
import java.util.List;
import tools.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * A text as a model reads it.
 *
 * @param model the model's name
 * @param tokens readable text of its tokens; joined they are the text (and BOS, where the model got one)
 * @param ids the token ids as the model saw them
 * @param cutTokens tokens at the end that were left out because the text is too long; 0 for none
 * @param cutText the text of those
 */
@JsonNaming(SnakeCaseStrategy.class)
public record InspectedText(String model, List<String> tokens, int[] ids, int cutTokens, String cutText) {
    /** Longest text that is looked at: its grids have a column per token. */
    public static final int MOST_TOKENS = 512;

    /**
     * Reads a text.
     *
     * @param prependBos whether BOS goes in front, where the model has one
     * @param most tokens at most, BOS included; what lies behind is cut and said
     * @throws UsageException if the text is empty
     */
    public static InspectedText of(LanguageModel model, String text, boolean prependBos, int most) {
        if (text.isEmpty()) {
            throw new UsageException("There is no text to look at: type some.");
        }
        Tokenizer tokenizer = model.tokenizer();
        int[] plain = tokenizer.encode(text, false);
        Integer bos = prependBos ? tokenizer.bosId() : null;
        int[] ids = plain;
        if (bos != null) {
            ids = new int[plain.length + 1];
            ids[0] = bos;
            System.arraycopy(plain, 0, ids, 1, plain.length);
        }
        int kept = Math.min(ids.length, Math.min(most, model.config().nCtx()));
        int[] rest = Arrays.copyOfRange(ids, kept, ids.length);
        ids = Arrays.copyOf(ids, kept);
        return new InspectedText(
                model.id(), List.copyOf(tokenizer.pieces(ids)), ids, rest.length, tokenizer.decode(rest, false));
    }

    /** A position counted from the front, or from the end if below 0. */
    int position(int position) {
        int p = position < 0 ? ids.length + position : position;
        if (p < 0 || p >= ids.length) {
            throw new UsageException("There is no position " + position + ": the text has " + ids.length + " tokens"
                    + (cutTokens > 0 ? " after the cut" : "") + ".");
        }
        return p;
    }
}
