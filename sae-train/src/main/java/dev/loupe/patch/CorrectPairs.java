package dev.loupe.patch;

import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.model.Forward;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.Taps;
import dev.loupe.model.Want;
import java.util.ArrayList;
import java.util.List;

/** The pairs that the model gets right: the answer above the wrong one after clean, below it after corrupt. */
final class CorrectPairs {
    private static final int TOKENS_A_BATCH = 1024;

    private CorrectPairs() {}

    static List<PromptPair> of(LanguageModel model, List<PromptPair> pairs, Progress progress) {
        int rows = Math.max(1, TOKENS_A_BATCH / pairs.get(0).clean().length);
        List<PromptPair> right = new ArrayList<>();
        for (int from = 0; from < pairs.size(); from += rows) {
            progress.check();
            List<PromptPair> part = pairs.subList(from, Math.min(pairs.size(), from + rows));
            Forward clean = model.forward(Runs.tokens(part, true), Taps.none(), Want.LAST_LOGITS);
            Forward corrupt = model.forward(Runs.tokens(part, false), Taps.none(), Want.LAST_LOGITS);
            for (int b = 0; b < part.size(); b++) {
                PromptPair p = part.get(b);
                if (p.answers().length == 0 || p.wrongs().length == 0) {
                    throw new UsageException(
                            "Which pairs the model gets right can only be said with --answer and" + " --wrong.");
                }
                if (Metric.difference(p, clean.lastLogits(b)) > 0 && Metric.difference(p, corrupt.lastLogits(b)) < 0) {
                    right.add(p);
                }
            }
        }
        if (right.isEmpty()) {
            throw new UsageException("The model gets none of the " + pairs.size() + " pairs right, so there is nothing"
                    + " to explain.");
        }
        return right;
    }
}
