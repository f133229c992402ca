package dev.loupe.steer.language;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * A share with its 95 % interval. Texts of one document are alike, so documents are resampled, not texts (percentiles of
 * 2,000 draws; documents of one language are drawn among themselves).
 *
 * @param share of all texts
 * @param low lower end
 * @param high upper end
 * @param texts how many texts
 */
public record Share(double share, double low, double high, int texts) {
    private static final int DRAWS = 2000;

    /**
     * One text.
     *
     * @param stratum what is drawn within, the language of the document
     * @param document the document
     * @param hit whether it counts
     */
    public record Text(String stratum, String document, boolean hit) {}

    /** The share of texts that count. */
    public static Share of(List<Text> texts) {
        Map<String, Map<String, int[]>> strata = new LinkedHashMap<>();
        int hits = 0;
        for (Text t : texts) {
            int[] counts = strata.computeIfAbsent(t.stratum(), s -> new LinkedHashMap<>())
                    .computeIfAbsent(t.document(), d -> new int[2]);
            counts[0] += t.hit() ? 1 : 0;
            counts[1]++;
            hits += t.hit() ? 1 : 0;
        }
        if (texts.isEmpty()) {
            return new Share(0, 0, 0, 0);
        }
        List<List<int[]>> documents = new ArrayList<>();
        strata.values().forEach(s -> documents.add(List.copyOf(s.values())));
        SplittableRandom random = new SplittableRandom(1);
        double[] draws = new double[DRAWS];
        for (int i = 0; i < DRAWS; i++) {
            long hit = 0;
            long all = 0;
            for (List<int[]> stratum : documents) {
                for (int j = 0; j < stratum.size(); j++) {
                    int[] drawn = stratum.get(random.nextInt(stratum.size()));
                    hit += drawn[0];
                    all += drawn[1];
                }
            }
            draws[i] = (double) hit / all;
        }
        Arrays.sort(draws);
        return new Share(
                (double) hits / texts.size(),
                draws[(int) (0.025 * DRAWS)],
                draws[(int) (0.975 * DRAWS) - 1],
                texts.size());
    }
}
