package dev.loupe.steer;

import dev.loupe.model.Activation;
import dev.loupe.model.Tokenizer;
import java.util.Arrays;

/**
 * The tokens an edit stands on: the prompt, and what was written since. One text at a time. The thread that hears a text
 * and the one that writes it may differ.
 */
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

    synchronized void append(int id) {
        if (length == ids.length) {
            ids = Arrays.copyOf(ids, Math.max(16, 2 * length));
        }
        ids[length++] = id;
    }

    /** Whether the token at a place is a special one. */
    boolean special(Activation a, int b, int p) {
        int id = a.token(b, p);
        return id >= 0 ? tokenizer.isSpecial(id) : special(a.startPosition() + p);
    }

    /** The same by position alone; what is not known yet is taken for text. */
    private synchronized boolean special(int position) {
        return position < length && tokenizer.isSpecial(ids[position]);
    }
}
