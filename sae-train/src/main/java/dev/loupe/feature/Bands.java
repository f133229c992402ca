package dev.loupe.feature;

import java.util.ArrayList;
import java.util.List;

/** Cuts the hits of a latent into what the tabs of its page show. */
final class Bands {
    static final String STRONGEST = "strongest";
    static final String HELD_OUT = "held out";

    /** A uniform sample of held-out documents for scoring explanations; no page shows it. */
    static final String SCORING = "scoring";

    private static final String[] NAMES = {"90–100 %", "50–90 %", "10–50 %", "weakest"};
    private static final double[] EDGES = {1, 0.9, 0.5, 0.1, 0};

    private Bands() {}

    /** One band: its range of quantiles, the range of values in the sample, and the hits to show. */
    record Band(String name, double from, double to, float low, float high, List<Hit> hits) {}

    /** All bands that are not empty, the strongest first, the held-out one last. */
    static List<Band> of(LatentStats stats, int perBand) {
        List<Band> bands = new ArrayList<>();
        add(bands, STRONGEST, 0, 1, stats.strongest.sorted(), Integer.MAX_VALUE);
        List<Hit> sample = stats.sample.sorted();
        int n = sample.size();
        int from = 0;
        for (int b = 0; b < NAMES.length; b++) {
            int to = from;
            // hit i of n, strongest first, stands for the quantiles around 1 - (i + 1/2) / n
            while (to < n && 1 - (to + 0.5) / n >= EDGES[b + 1]) {
                to++;
            }
            add(bands, NAMES[b], EDGES[b + 1], EDGES[b], sample.subList(from, to), perBand);
            from = to;
        }
        add(bands, HELD_OUT, 0, 1, stats.strongestHeldOut.sorted(), perBand);
        add(bands, SCORING, 0, 1, stats.heldOutSample.sorted(), Integer.MAX_VALUE);
        return bands;
    }

    private static void add(List<Band> bands, String name, double from, double to, List<Hit> hits, int most) {
        if (hits.isEmpty()) {
            return;
        }
        List<Hit> shown = new ArrayList<>();
        int count = Math.min(most, hits.size());
        for (int i = 0; i < count; i++) {
            shown.add(hits.get((int) ((long) i * hits.size() / count))); // spread evenly, the strongest included
        }
        bands.add(new Band(name, from, to, hits.getLast().max(), hits.getFirst().max(), shown));
    }
}
