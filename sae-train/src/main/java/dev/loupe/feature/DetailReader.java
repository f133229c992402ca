package dev.loupe.feature;

import dev.loupe.base.LoupeException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Puts together what the tables of an index say about one latent. */
final class DetailReader {
    private final FeatureIndex index;
    private final PairTables pairs;
    private final ExampleTexts texts;

    DetailReader(FeatureIndex index, PairTables pairs, ExampleTexts texts) {
        this.index = index;
        this.pairs = pairs;
        this.texts = texts;
    }

    FeatureDetail of(int id) {
        FeatureSummary summary = index.summary(id);
        List<TokenLogit> promoted = new ArrayList<>();
        List<TokenLogit> suppressed = new ArrayList<>();
        for (Object[] r : index.rowsOf(IndexTables.LOGITS, id)) {
            ((Boolean) r[1] ? promoted : suppressed).add(new TokenLogit((Integer) r[2], (String) r[3], (Float) r[4]));
        }
        List<TokenRate> tokens = new ArrayList<>();
        List<TokenRate> previous = new ArrayList<>();
        for (Object[] r : index.rowsOf(IndexTables.TOKENS, id)) {
            ((Boolean) r[1] ? previous : tokens)
                    .add(new TokenRate(
                            (Integer) r[2], (String) r[3], (Long) r[4], (Double) r[5], (Double) r[6], (Float) r[7]));
        }
        Map<String, List<Example>> examples = new LinkedHashMap<>();
        List<Object[]> exampleRows = index.rowsOf(IndexTables.EXAMPLES, id);
        List<Example> read = texts.of(exampleRows);
        for (int e = 0; e < read.size(); e++) {
            examples.computeIfAbsent((String) exampleRows.get(e)[1], band -> new ArrayList<>())
                    .add(read.get(e));
        }
        List<ExampleBand> bands = new ArrayList<>();
        for (Object[] r : index.rowsOf(IndexTables.BANDS, id)) {
            if (!r[1].equals(Bands.STRONGEST) && !r[1].equals(Bands.SCORING)) {
                bands.add(new ExampleBand(
                        (String) r[1],
                        (Double) r[2],
                        (Double) r[3],
                        (Float) r[4],
                        (Float) r[5],
                        examples.getOrDefault((String) r[1], List.of())));
            }
        }
        return new FeatureDetail(
                summary,
                index.score(id),
                histogram(id),
                index.documents(id),
                examples.getOrDefault(Bands.STRONGEST, List.of()),
                bands,
                promoted,
                suppressed,
                nearest(id),
                index.positions(id),
                labelRates(id, summary.fired()),
                tokens,
                previous,
                pairs.moments(id),
                pairs.exact(id),
                pairs.labels(id),
                index.words(id),
                examples.getOrDefault(Bands.SCORING, List.of()));
    }

    /** Of some latents the example of a number among the strongest, the strongest being 0. */
    Map<Integer, Example> strongest(Map<Integer, Integer> wanted) {
        TreeMap<Long, Integer> rows = new TreeMap<>();
        wanted.forEach((id, e) -> rows.put(index.firstExample(id) + e, id));
        List<Object[]> read =
                index.examples(rows.keySet().stream().mapToLong(Long::longValue).toArray());
        List<Example> examples = texts.of(read);
        Map<Integer, Example> byLatent = new HashMap<>();
        for (int i = 0; i < read.size(); i++) {
            byLatent.put((Integer) read.get(i)[0], examples.get(i));
        }
        if (!byLatent.keySet().equals(wanted.keySet())) {
            throw new LoupeException("The feature index of " + index.sae()
                    + " contradicts itself about its examples: build it again with loupe index.");
        }
        return byLatent;
    }

    private Histogram histogram(int id) {
        List<Object[]> bins = index.rowsOf(IndexTables.HISTOGRAMS, id);
        double[] edges = new double[bins.isEmpty() ? 0 : bins.size() + 1];
        long[] counts = new long[bins.size()];
        for (int i = 0; i < counts.length; i++) {
            edges[i] = (Double) bins.get(i)[1];
            edges[i + 1] = (Double) bins.get(i)[2];
            counts[i] = (Long) bins.get(i)[3];
        }
        return new Histogram(edges, counts, index.manifest().tokens());
    }

    private List<Neighbour> nearest(int id) {
        List<Neighbour> nearest = new ArrayList<>();
        for (Object[] r : index.rowsOf(IndexTables.NEIGHBOURS, id)) {
            int other = (Integer) r[1];
            nearest.add(new Neighbour(other, index.summary(other).label(), (Float) r[2], (Double) r[3]));
        }
        return nearest;
    }

    private List<LabelRate> labelRates(int id, long fired) {
        List<LabelRate> rates = new ArrayList<>();
        for (Object[] r : index.rowsOf(IndexTables.LABELS, id)) {
            long tokens = (Long) r[2];
            long hits = (Long) r[3];
            long heldOutTokens = (Long) r[4];
            long heldOutHits = (Long) r[5];
            rates.add(new LabelRate(
                    (String) r[1],
                    tokens,
                    hits,
                    FeatureIndex.rate(hits, tokens),
                    FeatureIndex.rate(hits, fired),
                    heldOutTokens,
                    heldOutHits,
                    FeatureIndex.rate(heldOutHits, heldOutTokens)));
        }
        return rates;
    }
}
