package dev.loupe.feature;

import dev.loupe.base.Progress;
import dev.loupe.compare.Cosines;
import dev.loupe.feature.IndexManifest.TableFile;
import dev.loupe.feature.TokenCounts.Entry;
import dev.loupe.math.Parallel;
import dev.loupe.model.Tokenizer;
import dev.loupe.sae.Sae;
import dev.loupe.store.ActivationStore;
import dev.loupe.store.DocumentTable;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.arrow.memory.RootAllocator;
import org.jspecify.annotations.Nullable;

/** Writes what a pass gathered as the tables of an index, latent by latent. */
final class IndexWriter implements AutoCloseable {
    /** Latents that are labelled and cut into bands at once, on all cores, while those before are written. */
    private static final int GROUP = 256;

    private final Sae sae;
    private final ActivationStore store;
    private final IndexOptions options;
    private final Neighbours neighbours;
    private final IndexPass pass;
    private final CoactivePairs pairs;
    private final Vocabulary vocabulary;
    private final LatentLabels labels;
    private final Contexts contexts;
    private final RootAllocator allocator = new RootAllocator();
    private final Map<String, TableWriter> tables = new LinkedHashMap<>();
    private final int[][] promoted;
    private final ShownTexts shown = new ShownTexts();

    IndexWriter(
            Path folder,
            Sae sae,
            ActivationStore store,
            IndexOptions options,
            Neighbours neighbours,
            IndexPass pass,
            CoactivePairs pairs,
            CodeSpool spool,
            Vocabulary vocabulary) {
        this.pairs = pairs;
        this.sae = sae;
        this.store = store;
        this.options = options;
        this.neighbours = neighbours;
        this.pass = pass;
        this.vocabulary = vocabulary;
        RuleText text = new RuleText(store, pass.totals(), vocabulary.size());
        this.labels = new LatentLabels(
                text,
                spool,
                store.tokens(),
                vocabulary,
                new Labeller(vocabulary, pass.totals()),
                new OwnWords(text, pass.totals(), vocabulary));
        this.promoted = new int[sae.dSae()][0];
        this.contexts = new Contexts(pass.totals());
        for (String table : IndexTables.names()) {
            tables.put(
                    table,
                    new TableWriter(
                            folder.resolve(IndexTables.file(table)),
                            IndexTables.columns(table),
                            IndexTables.batchRows(table),
                            allocator));
        }
    }

    /** What is worked out about a latent before it is written. */
    private record Prepared(
            LatentLabels.Labels labels,
            FeatureContext context,
            List<Bands.Band> bands,
            Entry[] tokens,
            Entry[] previous) {
        Labeller.Label label() {
            return labels.name();
        }

        static final Prepared NONE = new Prepared(
                new LatentLabels.Labels(new Labeller.Label("", LabelRule.DEAD, null), List.of(), List.of()),
                FeatureContext.UNKNOWN,
                List.of(),
                new Entry[0],
                new Entry[0]);
    }

    /** Writes all tables and describes them. */
    Map<String, TableFile> write(Optional<LogitLens> lens, Tokenizer tokenizer, Progress progress) {
        int n = sae.dSae();
        progress.stage("write the index of " + sae.name(), n, "latents");
        lens.ifPresent(l -> l.forEach(LogitLens.directions(sae), options.logits(), this::writeLogits));
        long logitsPerLatent = table(IndexTables.LOGITS).rows() / n; // the same number for every latent
        List<Bands.Band>[] bands = bands(n);
        Prepared[] ready = prepare(0, bands);
        for (int from = 0; from < n; from += GROUP) {
            progress.check();
            int first = from;
            Prepared[] group = ready;
            Prepared[][] next = new Prepared[1][];
            Parallel.run(2, task -> {
                if (task == 1) {
                    next[0] = prepare(first + GROUP, bands);
                    return;
                }
                for (int k = 0; k < group.length; k++) {
                    writeLatent(first + k, group[k], logitsPerLatent);
                }
            });
            ready = next[0];
            progress.advance(from + group.length);
        }
        writePositions();
        shown.write(table(IndexTables.TEXTS), store.sequences(), tokenizer);
        Map<String, TableFile> files = new LinkedHashMap<>();
        tables.forEach((name, writer) -> files.put(IndexTables.file(name), writer.finish()));
        return files;
    }

    private List<Bands.Band>[] bands(int n) {
        @SuppressWarnings({"unchecked", "rawtypes"})
        List<Bands.Band>[] bands = new List[n];
        Parallel.run(n, i -> {
            LatentStats s = pass.stats(i);
            bands[i] = s == null ? List.of() : Bands.of(s, options.perBand());
        });
        shown.add(bands);
        return bands;
    }

    /** A group of latents, empty behind the last one. */
    private Prepared[] prepare(int first, List<Bands.Band>[] bands) {
        Prepared[] group = new Prepared[Math.clamp(bands.length - first, 0, GROUP)];
        Parallel.run(group.length, k -> group[k] = prepare(first + k, bands[first + k]));
        return group;
    }

    private Prepared prepare(int latent, List<Bands.Band> bands) {
        LatentStats s = pass.stats(latent);
        LatentLabels.Labels found = labels.of(latent, s, promoted[latent]);
        return s == null
                ? new Prepared(found, FeatureContext.UNKNOWN, bands, Prepared.NONE.tokens(), Prepared.NONE.previous())
                : new Prepared(
                        found,
                        contexts.of(s),
                        bands,
                        TokenCounts.strongest(s.tokens.entries(), options.tokens()),
                        TokenCounts.strongest(s.previous.entries(), options.tokens()));
    }

    private void writeLatent(int id, Prepared p, long logitsPerLatent) {
        LatentStats s = pass.stats(id);
        long[] rows = new long[2 * IndexTables.PER_LATENT.size()];
        mark(rows, 0);
        if (s != null) {
            writeHistogram(id, s);
            writeExamples(id, p.bands());
            writeLabels(id, s);
            writeTokens(id, s, p.tokens(), false);
            writeTokens(id, s, p.previous(), true);
        }
        int[] near = neighbours.ids(id);
        for (int k = 0; k < near.length; k++) {
            double together = s == null ? 0 : (double) s.together[k] / s.fired;
            table(IndexTables.NEIGHBOURS).row(id, near[k], neighbours.cosines(id)[k], together);
        }
        mark(rows, 1);
        int logits = IndexTables.PER_LATENT.indexOf(IndexTables.LOGITS);
        rows[2 * logits] = id * logitsPerLatent;
        rows[2 * logits + 1] = (id + 1) * logitsPerLatent;
        writeFeature(id, s, p, rows);
        writeContext(id, p.context());
        writeMoments(id, s, p.labels().all());
        WordsTable.write(table(IndexTables.WORDS), id, p.labels().words());
    }

    private void writeMoments(int id, @Nullable LatentStats s, List<LabelCandidate> found) {
        long firstRule = table(IndexTables.RULES).rows();
        for (LabelCandidate c : found) {
            table(IndexTables.RULES)
                    .row(
                            id,
                            c.kind(),
                            c.text(),
                            c.patterns(),
                            orNaN(c.trainCoverage()),
                            orNaN(c.coverage()),
                            orNaN(c.recall()),
                            orNaN(c.precision()),
                            orNaN(c.balancedAccuracy()),
                            orNaN(c.correlation()),
                            c.claimed(),
                            c.firings());
        }
        long from = table(IndexTables.COACTIVE).rows();
        for (CoactivePairs.Pair pair : pairs.of(id, pass.stats(), pass.totals().rows)) {
            table(IndexTables.COACTIVE).row(id, pair.id(), pair.together(), pair.correlation());
        }
        Moments m = s == null ? new Moments(0, 0, 0, 0, 0, 0, 0, 0) : s.moments(pass.totals().rows);
        table(IndexTables.MOMENTS)
                .row(
                        id,
                        m.mean(),
                        m.std(),
                        m.skewness(),
                        m.kurtosis(),
                        m.meanAll(),
                        m.meanSquareAll(),
                        m.skewnessAll(),
                        m.kurtosisAll(),
                        new long[] {
                            from,
                            table(IndexTables.COACTIVE).rows(),
                            firstRule,
                            table(IndexTables.RULES).rows()
                        });
        table(IndexTables.SKETCHES)
                .row(id, s == null ? RowSketch.WHOLE : s.sketch.limit(), s == null ? new int[0] : s.sketch.hashes());
    }

    private void mark(long[] rows, int end) {
        for (int t = 0; t < IndexTables.PER_LATENT.size(); t++) {
            rows[2 * t + end] = table(IndexTables.PER_LATENT.get(t)).rows();
        }
    }

    private void writeFeature(int id, @Nullable LatentStats s, Prepared p, long[] rows) {
        LabelScore score = p.label().score();
        int label = s == null ? -1 : s.topLabel();
        Entry top = s == null ? null : p.tokens()[0];
        Double precision = score == null ? null : score.precision();
        table(IndexTables.FEATURES)
                .row(
                        id,
                        p.label().text(),
                        p.label().rule().name(),
                        score != null,
                        score == null ? 0.0 : score.trainShare(),
                        score == null ? 0.0 : score.coverage(),
                        score == null ? 0.0 : score.recall(),
                        precision == null ? Double.NaN : precision,
                        score == null ? 0.0 : score.balancedAccuracy(),
                        s == null ? 0L : s.fired,
                        s == null ? 0L : s.heldOutFired,
                        s == null ? 0f : s.max,
                        s == null ? 0f : (float) s.mean(),
                        s == null ? 0f : (float) s.std(),
                        top == null ? "" : vocabulary.text(top.token()),
                        top == null || s == null ? 0.0 : top.sum() / s.sum,
                        label < 0 ? "" : pass.totals().labels().get(label),
                        label < 0 || s == null ? 0.0 : (double) s.byLabel[label] / s.fired,
                        sae.dIn() == sae.dOut() ? Cosines.of(sae.encoderRows(), id, sae.decoderRows(), id) : 0.0,
                        s == null ? 0L : s.sample.documents(),
                        rows);
    }

    private void writeContext(int id, FeatureContext c) {
        table(IndexTables.CONTEXTS)
                .row(
                        id,
                        c.tokenR2() == null ? Double.NaN : c.tokenR2(),
                        c.labelEntropy() == null ? Double.NaN : c.labelEntropy(),
                        c.labels(),
                        c.distinctTokens(),
                        c.firstPositions(),
                        c.positions().stream().mapToLong(PositionRate::fired).toArray());
    }

    private static double orNaN(@Nullable Double value) {
        return value == null ? Double.NaN : value;
    }

    private void writePositions() {
        long[] tokens = pass.totals().positions;
        for (int b = 0; b < tokens.length; b++) {
            if (tokens[b] > 0) {
                table(IndexTables.POSITIONS).row(PositionBands.first(b), PositionBands.last(b), tokens[b]);
            }
        }
    }

    private void writeHistogram(int id, LatentStats s) {
        Histogram h = LogBins.histogram(s.histogram, pass.totals().rows);
        for (int i = 0; i < h.counts().length; i++) {
            table(IndexTables.HISTOGRAMS).row(id, h.edges()[i], h.edges()[i + 1], h.counts()[i]);
        }
    }

    private void writeExamples(int id, List<Bands.Band> bands) {
        DocumentTable documents = store.documents();
        for (Bands.Band band : bands) {
            table(IndexTables.BANDS)
                    .row(
                            id,
                            band.name(),
                            band.from(),
                            band.to(),
                            band.low(),
                            band.high(),
                            band.hits().size());
            for (Hit hit : band.hits()) {
                int last = store.sequences().tokens(hit.sequence()).length - 1;
                int firstWithRow = store.tokens().position(store.sequences().firstRow(hit.sequence()));
                table(IndexTables.EXAMPLES)
                        .row(
                                id,
                                band.name(),
                                hit.document(),
                                documents.name(hit.document()),
                                documents.label(hit.document()),
                                documents.heldOut(hit.document()),
                                hit.sequence(),
                                shown.row(hit.sequence()),
                                Math.max(firstWithRow, hit.peak() - options.before()),
                                Math.min(last, hit.peak() + options.after()),
                                hit.peak(),
                                hit.max(),
                                hit.offsets(),
                                hit.values());
            }
        }
    }

    private void writeLabels(int id, LatentStats s) {
        Totals t = pass.totals();
        List<Integer> order = new ArrayList<>();
        for (int l = 0; l < t.labels().size(); l++) {
            if (t.labelTokens[l] > 0) {
                order.add(l);
            }
        }
        order.sort((a, b) -> s.byLabel[a] == s.byLabel[b]
                ? t.labels().get(a).compareTo(t.labels().get(b))
                : Integer.compare(s.byLabel[b], s.byLabel[a]));
        for (int l : order) {
            table(IndexTables.LABELS)
                    .row(id, t.labels().get(l), t.labelTokens[l], (long) s.byLabel[l], t.labelTokensHeldOut[l], (long)
                            s.byLabelHeldOut[l]);
        }
    }

    private void writeTokens(int id, LatentStats s, Entry[] entries, boolean before) {
        int[] occurrences = before ? pass.totals().previous : pass.totals().tokens;
        for (Entry e : entries) {
            table(IndexTables.TOKENS)
                    .row(
                            id,
                            before,
                            e.token(),
                            vocabulary.text(e.token()),
                            (long) e.fired(),
                            e.sum() / s.sum,
                            (double) e.fired() / occurrences[e.token()],
                            (float) (e.sum() / e.fired()));
        }
    }

    private void writeLogits(int id, int[] raised, float[] high, int[] suppressed, float[] low) {
        promoted[id] = raised;
        for (int k = 0; k < raised.length; k++) {
            table(IndexTables.LOGITS).row(id, true, raised[k], vocabulary.text(raised[k]), high[k]);
        }
        for (int k = 0; k < suppressed.length; k++) {
            table(IndexTables.LOGITS).row(id, false, suppressed[k], vocabulary.text(suppressed[k]), low[k]);
        }
    }

    private TableWriter table(String name) {
        return java.util.Objects.requireNonNull(tables.get(name));
    }

    @Override
    public void close() {
        tables.values().forEach(TableWriter::close);
        allocator.close();
    }
}
