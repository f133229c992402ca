package dev.loupe.patch;

import dev.loupe.base.UsageException;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.Tokenizer;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The two prompts as tokens, and the two tokens they are told apart by.
 *
 * @param clean ids of the clean prompt
 * @param corrupt ids of the corrupted prompt, as many
 * @param answer id of the answer, −1 if none was given
 * @param wrong id of the wrong answer, −1 if none was given
 */
record PromptPair(int[] clean, int[] corrupt, int answer, int wrong) {

    /** Tokenizes and checks; every refusal is a {@link UsageException} of one sentence. */
    static PromptPair of(LanguageModel model, PatchRequest r) {
        Tokenizer t = model.tokenizer();
        boolean bos = r.prependBos() == null || r.prependBos();
        int[] clean = ids(t, r.clean(), bos);
        int[] corrupt = ids(t, r.corrupt(), bos);
        if (clean.length != corrupt.length) {
            throw new UsageException("The clean prompt has " + clean.length + " tokens (" + shown(t, clean)
                    + ") and the corrupted one " + corrupt.length + " (" + shown(t, corrupt)
                    + "); patching compares them position by position, so reword one until they have as many.");
        }
        if (Arrays.equals(clean, corrupt)) {
            throw new UsageException(
                    "The clean and the corrupted prompt are the same, so there is nothing to explain.");
        }
        if (clean.length > model.config().nCtx()) {
            throw new UsageException("The prompts have " + clean.length + " tokens; the model reads at most "
                    + model.config().nCtx() + ".");
        }
        int answer = single(t, "answer", r.answer());
        int wrong = single(t, "wrong answer", r.wrong());
        if (answer >= 0 && answer == wrong) {
            throw new UsageException("The answer and the wrong answer are the same token \"" + r.answer() + "\".");
        }
        return new PromptPair(clean, corrupt, answer, wrong);
    }

    private static int[] ids(Tokenizer t, String text, boolean bos) {
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

    private static int single(Tokenizer t, String what, @Nullable String text) {
        if (text == null) {
            return -1;
        }
        int[] ids = t.encode(text, false);
        if (ids.length == 1) {
            return ids[0];
        }
        if (ids.length == 0) {
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
