package dev.loupe.patch.task;

import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.model.Forward;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenBatch;
import dev.loupe.model.Tokenizer;
import dev.loupe.model.Want;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** A task's pairs for one model: those whose prompts align and whose answers are single tokens. */
public final class TaskPairs {
    private static final int SCORED = 64;
    private static final int POOL = 12; // pairs made for each pair wanted, so that one length has enough
    private static final int TOKENS_A_BATCH = 1024;

    private final LanguageModel model;
    private final boolean bos;

    /** Pairs for a model. */
    public TaskPairs(LanguageModel model, boolean prependBos) {
        this.model = model;
        this.bos = prependBos;
    }

    /** A pair in tokens. */
    private record Ids(PatchPair text, int[] clean, int[] corrupt, int[] answers, int[] wrongs) {}

    /**
     * Pairs of one length from the templates that are not held out.
     *
     * @param n how many at most
     * @throws UsageException if the tokenizer leaves none
     */
    public List<PatchPair> of(Task task, int n, long seed) {
        Map<Integer, List<Ids>> byLength = new HashMap<>();
        for (Ids ids : aligned(task.pairs(POOL * n, seed, false, word()))) {
            byLength.computeIfAbsent(ids.clean.length, l -> new ArrayList<>()).add(ids);
        }
        List<Ids> most = byLength.entrySet().stream()
                .max(Comparator.comparingInt((Map.Entry<Integer, List<Ids>> e) ->
                                Math.min(n, e.getValue().size()))
                        .thenComparingInt(e -> -e.getKey()))
                .map(Map.Entry::getValue)
                .orElseThrow(
                        () -> new UsageException("The task " + task.name() + " does not fit the tokenizer of model "
                                + model.id() + ": its answers are not single tokens, or its prompts do not align."));
        return most.stream().limit(n).map(Ids::text).toList();
    }

    /** How the model does a task on held-out templates. */
    public TaskScore score(Task task, Progress progress) {
        progress.check();
        List<Ids> pairs = aligned(task.pairs(2 * SCORED, 0, true, word()));
        pairs = pairs.subList(0, Math.min(SCORED, pairs.size()));
        int right = 0;
        double sum = 0;
        int rows = 0;
        for (int from = 0; from < pairs.size(); ) {
            progress.check();
            int longest = pairs.stream().mapToInt(p -> p.clean.length).max().orElse(1);
            int to = Math.min(pairs.size(), from + Math.max(1, TOKENS_A_BATCH / longest));
            List<Ids> part = pairs.subList(from, to);
            Forward clean = run(part, true);
            Forward corrupt = task.mirrored() ? run(part, false) : null;
            for (int i = 0; i < part.size(); i++) {
                double d = difference(part.get(i), clean.lastLogits(i));
                right += d > 0 ? 1 : 0;
                sum += d;
                rows++;
                if (corrupt != null) {
                    double back = -difference(part.get(i), corrupt.lastLogits(i));
                    right += back > 0 ? 1 : 0;
                    sum += back;
                    rows++;
                }
            }
            from = to;
        }
        return score(task, pairs, rows == 0 ? 0 : right / (double) rows, rows == 0 ? 0 : sum / rows);
    }

    private static TaskScore score(Task task, List<Ids> pairs, double accuracy, double difference) {
        String reason = pairs.size() < TaskScore.ENOUGH
                ? "only " + pairs.size() + " pairs fit the tokenizer"
                : accuracy < TaskScore.ACCURACY
                        ? String.format(Locale.ROOT, "right in %.0f %% of prompts only", 100 * accuracy)
                        : difference < TaskScore.DIFFERENCE
                                ? String.format(Locale.ROOT, "mean logit difference %.2f only", difference)
                                : "";
        Task.Template first = task.templates().get(0);
        String example = pairs.isEmpty()
                ? first.clean() + first.answer()
                : pairs.get(0).text().clean() + " →"
                        + pairs.get(0).text().answers().get(0);
        return new TaskScore(
                task.name(),
                task.title(),
                task.about(),
                pairs.size(),
                accuracy,
                difference,
                reason.isEmpty(),
                reason,
                example);
    }

    private Forward run(List<Ids> part, boolean clean) {
        int[][] ids = part.stream().map(p -> clean ? p.clean : p.corrupt).toArray(int[][]::new);
        return model.forward(new TokenBatch(ids), Taps.none(), Want.LAST_LOGITS);
    }

    private static double difference(Ids p, float[] logits) {
        return mean(logits, p.answers) - mean(logits, p.wrongs);
    }

    private static double mean(float[] logits, int[] ids) {
        double sum = 0;
        for (int id : ids) {
            sum += logits[id];
        }
        return sum / ids.length;
    }

    /** Whether a word with a space before it is one token. */
    private Predicate<String> word() {
        Map<String, Boolean> known = new HashMap<>();
        return w -> known.computeIfAbsent(w, x -> model.tokenizer().encode(" " + x, false).length == 1);
    }

    private List<Ids> aligned(List<PatchPair> pairs) {
        List<Ids> all = new ArrayList<>();
        for (PatchPair pair : pairs) {
            int[] clean = prompt(pair.clean());
            int[] corrupt = prompt(pair.corrupt());
            int[] answers = single(pair.answers());
            int[] wrongs = single(pair.wrongs());
            if (clean.length == corrupt.length
                    && clean.length <= model.config().nCtx()
                    && answers != null
                    && wrongs != null) {
                all.add(new Ids(pair, clean, corrupt, answers, wrongs));
            }
        }
        return all;
    }

    private int[] prompt(String text) {
        Tokenizer t = model.tokenizer();
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

    /** The ids of answers that are all single tokens; null otherwise. */
    private int @Nullable [] single(List<String> answers) {
        int[] ids = new int[answers.size()];
        for (int i = 0; i < ids.length; i++) {
            int[] one = model.tokenizer().encode(answers.get(i), false);
            if (one.length != 1) {
                return null;
            }
            ids[i] = one[0];
        }
        return ids;
    }
}
