package dev.loupe.steer.language;

import dev.loupe.model.LanguageModel;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenBatch;
import dev.loupe.model.Want;
import dev.loupe.steer.LanguageIdentifier;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/**
 * Decides whether a text has switched to a language: the identifier names it with a confidence of at least 0.9, its
 * distinct-2 is at least 0.8 of that of the model's own text in that language, and the model as it is, after a real prefix in
 * that language, finds it at most 0.5 nats a token more surprising than real text.
 */
final class Judge {
    static final double SURE = 0.9;
    static final double DISTINCT = 0.8;
    static final double MORE_LOSS = 0.5;

    private static final int BATCH = 32;

    private final LanguageModel model;
    private final LanguageIdentifier identifier;
    private final Map<String, List<int[]>> prefixes;
    private final Map<String, Double> distinct = new HashMap<>();
    private final Map<String, Double> loss = new HashMap<>();

    /**
     * What a text came to.
     *
     * @param named the identifier names the language
     * @param varied it does not repeat itself
     * @param fluent it reads like the language; looked at only where the other two hold, else false
     */
    record Verdict(boolean named, boolean varied, boolean fluent) {
        boolean switched() {
            return named && varied && fluent;
        }
    }

    /** A text to be judged. */
    record Candidate(String language, int[] ids, String text) {}

    /**
     * @param prefixes real passages of each language, with what stands in front of every text
     * @param ownText distinct-2 of what the model writes by itself in each language
     * @param real real passages of each language, as long as what is judged
     */
    Judge(
            LanguageModel model,
            LanguageIdentifier identifier,
            Map<String, List<int[]>> prefixes,
            Map<String, Double> ownText,
            Map<String, List<int[]>> real) {
        this.model = model;
        this.identifier = identifier;
        this.prefixes = prefixes;
        distinct.putAll(ownText);
        real.forEach((language, passages) -> {
            List<Candidate> all =
                    passages.stream().map(p -> new Candidate(language, p, "")).toList();
            double sum = 0;
            for (double l : losses(all)) {
                sum += l;
            }
            loss.put(language, sum / all.size());
        });
    }

    /** Mean loss of real text after a prefix of another document, nats a token. */
    double realLoss(String language) {
        return Objects.requireNonNull(loss.get(language));
    }

    double ownDistinct(String language) {
        return Objects.requireNonNull(distinct.get(language));
    }

    List<Verdict> judge(List<Candidate> texts) {
        boolean[] named = new boolean[texts.size()];
        boolean[] varied = new boolean[texts.size()];
        java.util.stream.IntStream.range(0, texts.size()).parallel().forEach(i -> {
            Candidate c = texts.get(i);
            LanguageIdentifier.Guess guess = identifier.of(c.text());
            named[i] = guess.language().equals(c.language()) && guess.confidence() >= SURE;
            varied[i] = distinct2(c.ids()) >= DISTINCT * ownDistinct(c.language());
        });
        List<Candidate> left = new ArrayList<>();
        for (int i = 0; i < texts.size(); i++) {
            if (named[i] && varied[i]) {
                left.add(texts.get(i));
            }
        }
        double[] losses = losses(left);
        List<Verdict> verdicts = new ArrayList<>();
        int at = 0;
        for (int i = 0; i < texts.size(); i++) {
            boolean fluent = named[i]
                    && varied[i]
                    && losses[at++] <= realLoss(texts.get(i).language()) + MORE_LOSS;
            verdicts.add(new Verdict(named[i], varied[i], fluent));
        }
        return verdicts;
    }

    /** Mean loss of each text after a real prefix of its language; infinite for an empty one. */
    private double[] losses(List<Candidate> texts) {
        double[] means = new double[texts.size()];
        for (int from = 0; from < texts.size(); from += BATCH) {
            int to = Math.min(texts.size(), from + BATCH);
            int[][] rows = new int[to - from][];
            int[] starts = new int[rows.length];
            for (int i = 0; i < rows.length; i++) {
                Candidate c = texts.get(from + i);
                List<int[]> some = Objects.requireNonNull(prefixes.get(c.language()));
                int[] prefix = some.get((from + i) % some.size());
                starts[i] = prefix.length;
                rows[i] = join(prefix, c.ids());
            }
            float[][] losses = model.forward(new TokenBatch(rows), Taps.none(), Want.TOKEN_LOSS)
                    .tokenLoss();
            for (int i = 0; i < rows.length; i++) {
                double sum = 0;
                int n = 0;
                for (int p = starts[i] - 1; p < losses[i].length; p++, n++) {
                    sum += losses[i][p];
                }
                means[from + i] = n == 0 ? Double.POSITIVE_INFINITY : sum / n;
            }
        }
        return means;
    }

    static int[] join(int[] a, int[] b) {
        int[] all = java.util.Arrays.copyOf(a, a.length + b.length);
        System.arraycopy(b, 0, all, a.length, b.length);
        return all;
    }

    /** Different pairs of neighbouring tokens as a share of all pairs; 0 for fewer than two tokens. */
    static double distinct2(int[] ids) {
        if (ids.length < 2) {
            return 0;
        }
        Set<Long> pairs = new HashSet<>();
        for (int i = 1; i < ids.length; i++) {
            pairs.add((long) ids[i - 1] << 32 | ids[i]);
        }
        return (double) pairs.size() / (ids.length - 1);
    }
}
