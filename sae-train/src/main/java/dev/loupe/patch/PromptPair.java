package dev.loupe.patch;

import dev.loupe.base.UsageException;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.Tokenizer;
import dev.loupe.patch.task.PatchPair;
import dev.loupe.patch.task.TaskPairs;
import dev.loupe.patch.task.Tasks;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A prompt pair in tokens of one model.
 *
 * @param clean ids of the clean prompt
 * @param corrupt ids of the corrupted prompt, as many
 * @param answers ids of the right answers, may be empty
 * @param wrongs ids of the wrong answers, may be empty
 */
record PromptPair(int[] clean, int[] corrupt, int[] answers, int[] wrongs) {
    /** All pairs that a request names, tokenized and checked, each in one sentence. */
    static List<PromptPair> all(LanguageModel model, PatchRequest r) {
        List<PromptPair> pairs = new ArrayList<>();
        for (PatchPair p : r.named()) {
            pairs.add(of(model, p, r.prependBos() == null || r.prependBos()));
        }
        if (r.task() != null) {
            boolean bos = r.prependBos() == null || r.prependBos();
            for (PatchPair p : new TaskPairs(model, bos).of(Tasks.of(r.task()), r.taskPairs(), r.seed())) {
                pairs.add(of(model, p, bos));
            }
        }
        checkLengths(pairs);
        return pairs;
    }

    /** Refuses pairs of different lengths: their scores could not be averaged position by position. */
    static void checkLengths(List<PromptPair> pairs) {
        int length = pairs.get(0).clean.length;
        for (int i = 1; i < pairs.size(); i++) {
            if (pairs.get(i).clean.length != length) {
                throw new UsageException("Pair " + (i + 1) + " has " + pairs.get(i).clean.length
                        + " tokens and pair 1 has " + length
                        + "; scores are averaged position by position, so keep pairs of one length.");
            }
        }
    }

    /** The only pair of a request. */
    static PromptPair of(LanguageModel model, PatchRequest r) {
        return all(model, r).get(0);
    }

    /** Tokenizes and checks against the model, refusing in one sentence. */
    static PromptPair of(LanguageModel model, PatchPair r, boolean bos) {
        Tokenizer t = model.tokenizer();
        int[] clean = ids(t, r.clean(), bos);
        int[] corrupt = ids(t, r.corrupt(), bos);
        if (clean.length != corrupt.length) {
            throw new UsageException("The clean prompt has " + clean.length + " tokens (" + shown(t, clean)
                    + ") and the corrupted one " + corrupt.length + " (" + shown(t, corrupt)
                    + "); patching compares them position by position, so reword one until they have as many"
                    + differing(t, clean, corrupt) + ".");
        }
        if (Arrays.equals(clean, corrupt)) {
            throw new UsageException(
                    "The clean and the corrupted prompt are the same, so there is nothing to explain.");
        }
        if (clean.length > model.config().nCtx()) {
            throw new UsageException("The prompts have " + clean.length + " tokens; the model reads at most "
                    + model.config().nCtx() + ".");
        }
        int[] answers =
                r.answers().stream().mapToInt(a -> single(t, "answer", a)).toArray();
        int[] wrongs =
                r.wrongs().stream().mapToInt(a -> single(t, "wrong answer", a)).toArray();
        for (int i = 0; i < answers.length; i++) {
            for (int wrong : wrongs) {
                if (answers[i] == wrong) {
                    throw new UsageException("The answer and the wrong answer are the same token \""
                            + r.answers().get(i) + "\".");
                }
            }
        }
        return new PromptPair(clean, corrupt, answers, wrongs);
    }

    /** The first position whose token differs: nothing before it can matter. */
    int firstDifference() {
        return Math.max(0, Arrays.mismatch(clean, corrupt));
    }

    /** Ids of a prompt. */
    static int[] ids(Tokenizer t, String text, boolean bos) {
        int[] plain = t.encode(text, false);
        Integer first = t.bosId();
        if (!bos || first == null) {
            return plain;
        }
        int[] with = new int[plain.length + 1];
        with[0] = first;
        System.arraycopy(plain, 0, with, 1, plain.length);
        return with;
    }

    /** The pieces of the middle in which two prompts differ: where to look for the word that is too long. */
    private static String differing(Tokenizer t, int[] clean, int[] corrupt) {
        int from = Arrays.mismatch(clean, corrupt);
        int tail = 0;
        while (tail < Math.min(clean.length, corrupt.length) - from
                && clean[clean.length - 1 - tail] == corrupt[corrupt.length - 1 - tail]) {
            tail++;
        }
        return "; they differ in \"" + shown(t, Arrays.copyOfRange(clean, from, clean.length - tail)) + "\" and \""
                + shown(t, Arrays.copyOfRange(corrupt, from, corrupt.length - tail)) + "\"";
    }

    private static int single(Tokenizer t, String what, @Nullable String text) {
        int[] ids = text == null ? new int[0] : t.encode(text, false);
        if (ids.length == 1) {
            return ids[0];
        }
        if (text == null || ids.length == 0) {
            throw new UsageException("The " + what + " is empty; it must be one token of the model.");
        }
        String other = text.startsWith(" ") ? text.stripLeading() : " " + text;
        String hint = t.encode(other, false).length == 1
                ? "; \"" + other + "\" " + (other.startsWith(" ") ? "with" : "without")
                        + " the leading space is one token"
                : "; choose a word that is one token, usually with its leading space (\" word\")";
        throw new UsageException("The " + what + " \"" + text + "\" is " + ids.length + " tokens for this model ("
                + shown(t, ids) + ") where one is needed" + hint + ".");
    }

    private static String shown(Tokenizer t, int[] ids) {
        List<String> pieces = t.pieces(ids);
        int most = 24;
        String joined = String.join("|", pieces.subList(0, Math.min(most, pieces.size())));
        return pieces.size() > most ? joined + "|…" : joined;
    }
}
