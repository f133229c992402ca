package dev.loupe.feature;

import dev.loupe.corpus.Document;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/**
 * Under which document labels a latent picks words of that label, as against firing anywhere. A label's own tokens are
 * those that stand under it in at least half of all places. If firing did not depend on the text, two firings under a
 * label would be on the same own token as often as any two of its places are: the sum of p(token)² over its own tokens.
 * The observed share of such pairs over that is the lift. Punctuation, digits and names that all labels share say nothing
 * here, and a model with random weights has lifts about 1.
 */
final class OwnWords {
    /** Firings under a label from which on its lift is worked out. */
    static final int LEAST_FIRED = 20;

    /** The lift from which on a latent is said to pick words of the label. */
    static final double LEAST_LIFT = 10;

    /** Words kept of each label. */
    static final int WORDS = 3;

    private final RuleText text;
    private final Vocabulary vocabulary;
    private final List<String> labels;
    private final int[] ownLabel; // by token: the label it belongs to, or -1
    private final double[] chance; // by label: two of its places on the same own token

    OwnWords(RuleText text, Totals totals, Vocabulary vocabulary) {
        this.text = text;
        this.vocabulary = vocabulary;
        this.labels = totals.labels();
        int tokens = vocabulary.size();
        int[][] counts = new int[labels.size()][says() ? tokens : 0];
        long[] places = new long[labels.size()];
        for (int p = 0; says() && p < text.size(); p++) {
            counts[text.label(p)][text.token(p)]++;
            places[text.label(p)]++;
        }
        ownLabel = new int[tokens];
        chance = new double[labels.size()];
        Arrays.fill(ownLabel, -1);
        for (int t = 0; says() && t < tokens; t++) {
            long all = 0;
            int most = 0;
            for (int l = 0; l < counts.length; l++) {
                all += counts[l][t];
                most = counts[l][t] > counts[most][t] ? l : most;
            }
            if (all > 0 && 2L * counts[most][t] >= all && named(most)) {
                ownLabel[t] = most;
                double p = (double) counts[most][t] / places[most];
                chance[most] += p * p;
            }
        }
    }

    /** Nothing can be told apart under a single label. */
    private boolean says() {
        return labels.size() > 1;
    }

    private boolean named(int label) {
        String name = labels.get(label);
        return !name.isEmpty() && !name.equals(Document.UNDETERMINED) && !name.equals(Totals.OTHER);
    }

    /** The labels whose own words a latent picks, the largest lift first. */
    List<LabelWords> of(LatentText latent) {
        int[] places = latent.places();
        long[] fired = new long[labels.size()];
        long[] own = new long[places.length];
        int n = 0;
        for (int p : places) {
            int label = text.label(p);
            fired[label]++;
            if (ownLabel[text.token(p)] == label) {
                own[n++] = (long) label << 32 | text.token(p);
            }
        }
        Arrays.sort(own, 0, n);
        List<LabelWords> found = new ArrayList<>();
        for (int from = 0; from < n; ) {
            int label = (int) (own[from] >> 32);
            int to = from;
            while (to < n && own[to] >> 32 == label) {
                to++;
            }
            if (fired[label] >= LEAST_FIRED) {
                double lift = pairs(own, from, to) / ((double) fired[label] * (fired[label] - 1)) / chance[label];
                if (lift >= LEAST_LIFT) {
                    found.add(new LabelWords(labels.get(label), fired[label], lift, words(own, from, to)));
                }
            }
            from = to;
        }
        found.sort(Comparator.comparingDouble((LabelWords w) -> -w.lift()).thenComparing(LabelWords::label));
        return List.copyOf(found);
    }

    /** Ordered pairs of equal numbers in a sorted range. */
    private static double pairs(long[] sorted, int from, int to) {
        double pairs = 0;
        for (int a = from; a < to; ) {
            int b = a;
            while (b < to && sorted[b] == sorted[a]) {
                b++;
            }
            pairs += (double) (b - a) * (b - a - 1);
            a = b;
        }
        return pairs;
    }

    private List<String> words(long[] sorted, int from, int to) {
        List<long[]> runs = new ArrayList<>(); // token, count
        for (int a = from; a < to; ) {
            int b = a;
            while (b < to && sorted[b] == sorted[a]) {
                b++;
            }
            runs.add(new long[] {(int) sorted[a], b - a});
            a = b;
        }
        return runs.stream()
                .sorted(Comparator.comparingLong((long[] r) -> -r[1]).thenComparingLong(r -> r[0]))
                .limit(WORDS)
                .map(r -> vocabulary.text((int) r[0]))
                .toList();
    }
}
