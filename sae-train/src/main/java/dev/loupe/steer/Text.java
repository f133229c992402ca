package dev.loupe.steer;

import dev.loupe.model.Tokenizer;
import java.util.Arrays;

/** The tokens an edit stands on: the prompt, and what was written since. One text at a time, one thread. */
final class Text {
    private final Tokenizer tokenizer;
    private final int promptLength;
    private int[] ids;
    private int length;

    Text(Tokenizer tokenizer, int[] ids, int promptLength) {
        this.tokenizer = tokenizer;
        this.promptLength = promptLength;
        this.ids = ids.clone();
        this.length = ids.length;
    }

    int promptLength() {
        return promptLength;
    }

    void append(int id) {
        if (length == ids.length) {
            ids = Arrays.copyOf(ids, Math.max(16, 2 * length));
        }
        ids[length++] = id;
    }

    /** Whether the token at a position is a special one; what is not known yet is taken for text. */
    boolean special(int position) {
        return position < length && tokenizer.isSpecial(ids[position]);
    }
}
