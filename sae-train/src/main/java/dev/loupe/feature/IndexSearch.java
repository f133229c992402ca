package dev.loupe.feature;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Search in one index: numbers, labels and tokens are scanned in memory, example texts in lower case, loaded when they
 * are first searched. A few milliseconds for the texts of a demo.
 */
final class IndexSearch {
    private static final double NUMBER = 1000;
    private static final double LABEL = 100;
    private static final double TOKEN = 10;

    private final FeatureIndex index;
    private final TableReader texts;
    private final TableReader examples;
    private volatile @Nullable Texts loaded;

    IndexSearch(FeatureIndex index, TableReader texts, TableReader examples) {
        this.index = index;
        this.texts = texts;
        this.examples = examples;
    }

    /** A latent that matches; {@code row} is the example's, or -1. */
    private record Match(int id, String where, double score, int row) {}

    List<SearchHit> find(String query, int limit) {
        String q = query.toLowerCase(Locale.ROOT);
        if (q.isBlank() || limit < 1) {
            return List.of();
        }
        Map<Integer, Match> matches = new HashMap<>();
        for (FeatureSummary s : index.all()) {
            Match match = inMemory(s, q);
            if (match != null) {
                matches.put(s.id(), match);
            }
        }
        texts().find(q, matches);
        List<Match> best = matches.values().stream()
                .sorted(Comparator.comparingDouble((Match m) -> -m.score()).thenComparingInt(Match::id))
                .limit(limit)
                .toList();
        Map<Integer, Example> shown = examples(best);
        return best.stream()
                .map(m -> new SearchHit(index.summary(m.id()), m.where(), m.score(), shown.get(m.row())))
                .toList();
    }

    private Map<Integer, Example> examples(List<Match> matches) {
        long[] rows = matches.stream()
                .mapToLong(Match::row)
                .filter(r -> r >= 0)
                .sorted()
                .distinct()
                .toArray();
        List<Example> read = index.examples(examples.read(rows));
        Map<Integer, Example> result = new HashMap<>();
        for (int i = 0; i < rows.length; i++) {
            result.put((int) rows[i], read.get(i));
        }
        return result;
    }

    private static @Nullable Match inMemory(FeatureSummary s, String q) {
        String trimmed = q.strip();
        if (trimmed.equals(Integer.toString(s.id()))) {
            return new Match(s.id(), "id", NUMBER, -1);
        }
        if (s.dead()) {
            return null;
        }
        String token = s.topToken().toLowerCase(Locale.ROOT);
        if (token.equals(q) || token.strip().equals(trimmed)) {
            return new Match(s.id(), "token", LABEL + TOKEN + s.topTokenShare(), -1);
        }
        if (s.label().toLowerCase(Locale.ROOT).contains(q)) {
            return new Match(s.id(), "label", LABEL + s.topTokenShare(), -1);
        }
        return null;
    }

    private Texts texts() {
        Texts t = loaded;
        if (t == null) {
            synchronized (this) {
                t = loaded;
                if (t == null) {
                    t = new Texts();
                    loaded = t;
                }
            }
        }
        return t;
    }

    /** All example texts in lower case, and which examples show which part of them. */
    private final class Texts {
        private final String[] lower = new String[Math.toIntExact(texts.rows())];
        private final int[][] starts = new int[lower.length][]; // of every token, and the end
        private final int[] firstExample; // by text, into byText
        private final int[] byText;
        private final int[] feature;
        private final int[] first;
        private final int[] last;
        private final int[] peak;
        private final float[] max;

        Texts() {
            int[] at = {0};
            texts.forEach(row -> read(at[0]++, (List<?>) row[1]));
            int n = Math.toIntExact(examples.rows());
            int[] text = new int[n];
            feature = new int[n];
            first = new int[n];
            last = new int[n];
            peak = new int[n];
            max = new float[n];
            int[] e = {0};
            examples.forEach(row -> {
                int i = e[0]++;
                feature[i] = (Integer) row[0];
                text[i] = (Integer) row[7];
                first[i] = (Integer) row[8];
                last[i] = (Integer) row[9];
                peak[i] = (Integer) row[10];
                max[i] = (Float) row[11];
            });
            firstExample = new int[lower.length + 1];
            for (int t : text) {
                firstExample[t + 1]++;
            }
            for (int t = 0; t < lower.length; t++) {
                firstExample[t + 1] += firstExample[t];
            }
            int[] next = firstExample.clone();
            byText = new int[n];
            for (int i = 0; i < n; i++) {
                byText[next[text[i]]++] = i;
            }
        }

        private void read(int row, List<?> tokens) {
            StringBuilder all = new StringBuilder();
            int[] start = new int[tokens.size() + 1];
            for (int t = 0; t < tokens.size(); t++) {
                start[t] = all.length();
                all.append(((String) tokens.get(t)).toLowerCase(Locale.ROOT));
            }
            start[tokens.size()] = all.length();
            lower[row] = all.toString();
            starts[row] = start;
        }

        /** Adds latents with the query in an example; more weight where the latent peaks inside it, and is strong. */
        void find(String q, Map<Integer, Match> matches) {
            Map<Integer, Double> scores = new HashMap<>();
            Map<Integer, Integer> best = new HashMap<>();
            Map<Integer, Double> bestScore = new HashMap<>();
            for (int t = 0; t < lower.length; t++) {
                int at = lower[t].indexOf(q);
                for (; at >= 0; at = lower[t].indexOf(q, at + 1)) {
                    for (int k = firstExample[t]; k < firstExample[t + 1]; k++) {
                        int e = byText[k];
                        if (at < starts[t][first[e]] || at + q.length() > starts[t][last[e] + 1]) {
                            continue;
                        }
                        boolean inside = starts[t][peak[e]] < at + q.length() && starts[t][peak[e] + 1] > at;
                        double score = (inside ? 1 : 0.1)
                                * max[e]
                                / index.summary(feature[e]).max();
                        scores.merge(feature[e], score, Double::sum);
                        if (score > bestScore.getOrDefault(feature[e], 0.0)) {
                            bestScore.put(feature[e], score);
                            best.put(feature[e], e);
                        }
                    }
                }
            }
            List<Integer> found = new ArrayList<>(scores.keySet());
            for (int id : found) {
                double score = scores.getOrDefault(id, 0.0);
                Match other = matches.get(id);
                matches.put(
                        id,
                        other == null
                                ? new Match(id, "text", score, best.getOrDefault(id, -1))
                                : new Match(id, other.where(), other.score() + Math.min(score, 1), other.row()));
            }
        }
    }
}
