package dev.loupe.service;

import dev.loupe.model.LanguageModel;
import dev.loupe.model.Tokenizer;
import dev.loupe.patch.PatchRequest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * How a model cuts a prompt pair into tokens, position by position, while it is still being written.
 *
 * @param clean tokens of the clean prompt; null where the other prompt has one more
 * @param corrupt tokens of the corrupted prompt; null where the other prompt has one more
 * @param cleanCount tokens of the clean prompt
 * @param corruptCount tokens of the corrupted prompt
 * @param problems what has to change before the pair can be patched, one sentence each; empty if nothing
 */
public record PairTokens(
        List<@Nullable String> clean,
        List<@Nullable String> corrupt,
        int cleanCount,
        int corruptCount,
        List<String> problems) {
    private static final int MOST_ALIGNED = 2000; // longer prompts are not aligned by search

    /** Whether both prompts have as many tokens. */
    public boolean aligned() {
        return cleanCount == corruptCount;
    }

    /** Cuts a pair; answers may be several, see {@link PatchRequest#alternatives}, and empty ones are not looked at. */
    static PairTokens of(LanguageModel model, String clean, String corrupt, String answer, String wrong) {
        Tokenizer t = model.tokenizer();
        int[] a = ids(t, clean);
        int[] b = ids(t, corrupt);
        List<String> problems = new ArrayList<>();
        List<@Nullable String> top = new ArrayList<>(t.pieces(a));
        List<@Nullable String> bottom = new ArrayList<>(t.pieces(b));
        if (a.length != b.length) {
            align(a, b, top, bottom);
            String where = where(top, bottom);
            problems.add("The clean prompt has " + a.length + " tokens and the corrupted one " + b.length + ": " + where
                    + ". Patching compares them position by position, so choose words of as many tokens.");
        } else if (Arrays.equals(a, b)) {
            problems.add("The two prompts are the same, so there is nothing to explain.");
        }
        int most = model.config().nCtx();
        if (Math.max(a.length, b.length) > most) {
            problems.add("The model reads at most " + most + " tokens.");
        }
        PatchRequest.alternatives(answer).forEach(one -> single(t, "answer", one, problems));
        PatchRequest.alternatives(wrong).forEach(w -> single(t, "wrong answer", w, problems));
        return new PairTokens(top, bottom, a.length, b.length, problems);
    }

    private static int[] ids(Tokenizer t, String text) {
        int[] plain = t.encode(text, false);
        Integer first = t.bosId();
        if (first == null) {
            return plain;
        }
        int[] with = new int[plain.length + 1];
        with[0] = first;
        System.arraycopy(plain, 0, with, 1, plain.length);
        return with;
    }

    private static void single(Tokenizer t, String what, String text, List<String> problems) {
        if (text.isEmpty()) {
            return;
        }
        int n = t.encode(text, false).length;
        if (n == 1) {
            return;
        }
        String other = text.startsWith(" ") ? text.stripLeading() : " " + text;
        boolean helps = !other.isEmpty() && t.encode(other, false).length == 1;
        problems.add("The " + what + " “" + text + "” is " + n + " tokens of this model where one is needed"
                + (helps
                        ? "; “" + other + "” is one."
                        : "; choose a word that is one, usually with its space before."));
    }

    /** The first part in which the prompts differ by a number of tokens, as words. */
    private static String where(List<@Nullable String> top, List<@Nullable String> bottom) {
        int n = Math.min(top.size(), bottom.size());
        int gap = 0;
        while (gap < n && top.get(gap) != null && bottom.get(gap) != null) {
            gap++;
        }
        int from = Math.min(gap, n);
        while (from > 0 && !Objects.equals(top.get(from - 1), bottom.get(from - 1))) {
            from--;
        }
        int to = gap;
        while (to < n && !Objects.equals(top.get(to), bottom.get(to))) {
            to++;
        }
        boolean aligned = top.size() == bottom.size(); // else they are too long to be aligned
        return part(top.subList(from, aligned ? to : top.size())) + " where the other has "
                + part(bottom.subList(from, aligned ? to : bottom.size()));
    }

    private static String part(List<@Nullable String> pieces) {
        List<String> real =
                pieces.stream().filter(Objects::nonNull).map(p -> (String) p).toList();
        if (real.isEmpty()) {
            return "nothing";
        }
        String text = String.join("", real);
        int most = 60;
        return "“" + (text.length() > most ? text.substring(0, most) + "…" : text).strip() + "” ("
                + (real.size() == 1 ? "1 token)" : real.size() + " tokens)");
    }

    /** Puts a gap wherever one prompt has a token that the other lacks: the longest common subsequence stays in line. */
    private static void align(int[] a, int[] b, List<@Nullable String> top, List<@Nullable String> bottom) {
        if (a.length > MOST_ALIGNED || b.length > MOST_ALIGNED) {
            return;
        }
        int[][] common = new int[a.length + 1][b.length + 1];
        for (int i = a.length - 1; i >= 0; i--) {
            for (int j = b.length - 1; j >= 0; j--) {
                common[i][j] = a[i] == b[j] ? common[i + 1][j + 1] + 1 : Math.max(common[i + 1][j], common[i][j + 1]);
            }
        }
        List<@Nullable String> upper = new ArrayList<>();
        List<@Nullable String> lower = new ArrayList<>();
        int i = 0;
        int j = 0;
        while (i < a.length || j < b.length) {
            boolean both = i < a.length && j < b.length;
            // tokens that are exchanged for others stand in one column; only what is left over gets a gap
            boolean exchanged = both && a[i] != b[j] && common[i + 1][j + 1] == common[i][j];
            if (both && (a[i] == b[j] || exchanged)) {
                upper.add(top.get(i++));
                lower.add(bottom.get(j++));
            } else if (j >= b.length || (i < a.length && common[i + 1][j] >= common[i][j + 1])) {
                upper.add(top.get(i++));
                lower.add(null);
            } else {
                upper.add(null);
                lower.add(bottom.get(j++));
            }
        }
        top.clear();
        top.addAll(upper);
        bottom.clear();
        bottom.addAll(lower);
    }
}
