package dev.loupe.diagnose.geometry;

import dev.loupe.eval.Logistic;
import dev.loupe.math.Parallel;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Logistic regression of one label against another on codes, and votes over all pairs of labels. */
final class LabelVotes {
    private static final int LATENTS = 256;
    private static final int LABELS = 12; // the most frequent: pairs grow with the square

    private LabelVotes() {}

    /** Share of test codes with a frequent label whose label wins most pairs; NaN if there is nothing to tell. */
    static double accuracy(List<BitSet> train, List<String> labels, List<BitSet> test, List<String> wanted, int width) {
        List<String> frequent = labels.stream()
                .collect(Collectors.groupingBy(l -> l, LinkedHashMap::new, Collectors.counting()))
                .entrySet()
                .stream()
                .filter(e -> e.getValue() >= 2)
                .sorted(Map.Entry.<String, Long>comparingByValue().reversed())
                .limit(LABELS)
                .map(Map.Entry::getKey)
                .toList();
        int[] latents = varied(train, width);
        List<int[]> pairs = new ArrayList<>();
        for (int a = 0; a < frequent.size(); a++) {
            for (int b = a + 1; b < frequent.size(); b++) {
                pairs.add(new int[] {a, b});
            }
        }
        int[][] votes = new int[test.size()][frequent.size()];
        Parallel.run(pairs.size(), i -> {
            String a = frequent.get(pairs.get(i)[0]);
            String b = frequent.get(pairs.get(i)[1]);
            List<float[]> rows = new ArrayList<>();
            List<Boolean> classes = new ArrayList<>();
            for (int t = 0; t < train.size(); t++) {
                if (labels.get(t).equals(a) || labels.get(t).equals(b)) {
                    rows.add(row(train.get(t), latents));
                    classes.add(labels.get(t).equals(a));
                }
            }
            boolean[] y = new boolean[classes.size()];
            for (int t = 0; t < y.length; t++) {
                y[t] = classes.get(t);
            }
            Logistic fit = Logistic.fit(rows.toArray(float[][]::new), y);
            for (int t = 0; t < votes.length; t++) {
                int winner = fit.score(row(test.get(t), latents)) > 0 ? pairs.get(i)[0] : pairs.get(i)[1];
                synchronized (votes[t]) {
                    votes[t][winner]++;
                }
            }
        });
        int right = 0;
        int all = 0;
        for (int t = 0; t < votes.length; t++) {
            int label = frequent.indexOf(wanted.get(t));
            if (label >= 0) {
                all++;
                int best = 0;
                for (int c = 1; c < frequent.size(); c++) {
                    best = votes[t][c] > votes[t][best] ? c : best;
                }
                right += best == label ? 1 : 0;
            }
        }
        return all == 0 ? Double.NaN : (double) right / all;
    }

    /** Latents that are active in closest to half of the codes. */
    private static int[] varied(List<BitSet> codes, int width) {
        int[] counts = new int[width];
        for (BitSet c : codes) {
            for (int j = c.nextSetBit(0); j >= 0; j = c.nextSetBit(j + 1)) {
                counts[j]++;
            }
        }
        return IntStream.range(0, width)
                .filter(j -> counts[j] > 0 && counts[j] < codes.size())
                .boxed()
                .sorted(Comparator.comparingInt(j -> Math.abs(2 * counts[j] - codes.size())))
                .limit(LATENTS)
                .mapToInt(j -> j)
                .toArray();
    }

    private static float[] row(BitSet code, int[] latents) {
        float[] row = new float[latents.length];
        for (int i = 0; i < row.length; i++) {
            row[i] = code.get(latents[i]) ? 1 : 0;
        }
        return row;
    }
}
