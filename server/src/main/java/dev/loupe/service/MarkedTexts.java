package dev.loupe.service;

import dev.loupe.feature.Example;
import java.util.List;

/** Examples as a language model reads them: the text, tokens on which the feature is active between {@code <<} and {@code >>}. */
final class MarkedTexts {
    /** A token counts as active above this share of the example's largest activation, as in Paulo et al., section 3. */
    private static final float ACTIVE = 0.3f;

    private MarkedTexts() {}

    static String text(Example e) {
        return String.join("", e.tokens());
    }

    static boolean[] active(Example e) {
        boolean[] active = new boolean[e.tokens().size()];
        for (int t = 0; t < active.length; t++) {
            active[t] = e.values()[t] > ACTIVE * e.max();
        }
        return active;
    }

    static String mark(Example e) {
        return mark(e.tokens(), active(e));
    }

    static String mark(List<String> tokens, boolean[] marked) {
        StringBuilder all = new StringBuilder();
        for (int t = 0; t < marked.length; t++) {
            all.append(marked[t] && (t == 0 || !marked[t - 1]) ? "<<" : "");
            all.append(tokens.get(t));
            all.append(marked[t] && (t + 1 == marked.length || !marked[t + 1]) ? ">>" : "");
        }
        return all.toString();
    }
}
