package dev.loupe.feature;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.base.LoupeException;
import dev.loupe.base.NotFoundException;
import dev.loupe.base.Progress;
import dev.loupe.feature.FeatureWorld.Firing;
import dev.loupe.fixtures.Cases;
import dev.loupe.fixtures.Python;
import dev.loupe.sae.Architecture;
import dev.loupe.sae.Sae;
import dev.loupe.store.ActivationStore;
import dev.loupe.toy.ToyStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FeatureIndexTest {
    private static final int D = FeatureWorld.D;
    private static final IndexOptions OPTIONS = new IndexOptions(4, 1000, 3, 3, 2, 5, 4, 3);

    @TempDir
    Path folder;

    @Test
    void everyFieldEqualsABruteForceReference() {
        Cases.check(6, random -> {
            FeatureWorld w = new FeatureWorld(random, Architecture.values()[random.index() % 3]);
            Path place = folder.resolve("case-" + random.index());
            try (ActivationStore store = ToyStore.write(place.resolve("store"), D, w.docs, w.model::activations)) {
                FeatureIndex index = FeatureIndexer.build(
                        w.sae, store, w.model, OPTIONS, place.resolve("features"), Progress.silent());
                assertThat(index.size()).isEqualTo(16);
                assertThat(index.manifest().tokens()).isEqualTo(w.rows.size());
                for (int i = 0; i < 16; i++) {
                    check(w, index, i);
                }
                assertThat(index.manifest().dead()).isEqualTo((int)
                        w.firings.stream().filter(List::isEmpty).count());
            }
        });
    }

    private static void check(FeatureWorld w, FeatureIndex index, int i) {
        FeatureDetail detail = index.detail(i);
        FeatureSummary s = detail.summary();
        List<Firing> fired = w.firings.get(i);
        assertThat(s).isEqualTo(index.all().get(i));
        assertThat(s.fired()).isEqualTo(fired.size());
        assertThat(s.dead()).isEqualTo(fired.isEmpty());
        assertThat(s.density()).isCloseTo((double) fired.size() / w.rows.size(), within(1e-12));
        long heldOutRows = w.rows.stream().filter(Firing::heldOut).count();
        assertThat(s.heldOutDensity())
                .isCloseTo((double) fired.stream().filter(Firing::heldOut).count() / heldOutRows, within(1e-12));
        double sum = fired.stream().mapToDouble(Firing::value).sum();
        double mean = fired.isEmpty() ? 0 : sum / fired.size();
        assertThat((double) s.mean()).isCloseTo(mean, within(1e-5));
        double variance = fired.stream()
                .mapToDouble(f -> Math.pow(f.value() - mean, 2))
                .average()
                .orElse(0);
        assertThat((double) s.std()).isCloseTo(Math.sqrt(variance), within(1e-4));
        assertThat(s.max())
                .isCloseTo(
                        (float) fired.stream().mapToDouble(Firing::value).max().orElse(0), within(1e-5f));
        checkHistogram(detail.histogram(), fired);
        checkExamples(w, detail, fired);
        checkLabels(w, detail, fired);
        checkTokens(w, detail.tokenRates(), fired, sum, false);
        checkTokens(w, detail.previousTokenRates(), fired, sum, true);
        checkLogits(w, detail, i);
        checkNeighbours(w, detail, i);
        if (!fired.isEmpty()) {
            assertThat(s.topToken()).isEqualTo(detail.tokenRates().getFirst().text());
            assertThat(s.topTokenShare())
                    .isEqualTo(detail.tokenRates().getFirst().share());
            assertThat(s.label()).isNotEmpty();
        }
    }

    private static void checkHistogram(Histogram h, List<Firing> fired) {
        long[] counts = new long[h.counts().length];
        for (Firing f : fired) {
            int bin = 0;
            while (f.value() >= h.edges()[bin + 1]) {
                bin++;
            }
            assertThat((double) f.value()).isGreaterThanOrEqualTo(h.edges()[bin]);
            counts[bin]++;
        }
        // the reference encodes one row at a time; a value on an edge may fall to either side by its last bit
        for (int b = 0; b < counts.length; b++) {
            assertThat(Math.abs(counts[b] - h.counts()[b])).isLessThanOrEqualTo(1);
        }
        assertThat(java.util.Arrays.stream(h.counts()).sum()).isEqualTo(fired.size());
    }

    private static void checkExamples(FeatureWorld w, FeatureDetail detail, List<Firing> fired) {
        List<Firing> peaks =
                new ArrayList<>(fired.stream()
                        .collect(Collectors.groupingBy(Firing::document, TreeMap::new, Collectors.toList()))
                        .values()
                        .stream()
                        .map(inDoc -> inDoc.stream()
                                .max(Comparator.comparingDouble(Firing::value))
                                .orElseThrow())
                        .toList());
        peaks.sort(Comparator.comparingDouble((Firing f) -> -f.value()));
        assertThat(detail.documents()).isEqualTo(peaks.size());
        assertSame(w, detail.examples(), peaks.stream().limit(4).toList(), fired);
        List<Firing> heldOut = peaks.stream().filter(Firing::heldOut).limit(3).toList();
        for (ExampleBand band : detail.bands()) {
            if (band.name().equals("held out")) {
                assertSame(w, band.examples(), heldOut, fired);
                heldOut = List.of();
                continue;
            }
            // the sample holds every document here, so the quantiles are exact
            List<Firing> inBand = new ArrayList<>();
            for (int k = 0; k < peaks.size(); k++) {
                double quantile = 1 - (k + 0.5) / peaks.size();
                if (quantile >= band.from() && quantile < band.to()) {
                    inBand.add(peaks.get(k));
                }
            }
            assertThat(band.high()).isCloseTo(inBand.getFirst().value(), within(1e-4f));
            assertThat(band.low()).isCloseTo(inBand.getLast().value(), within(1e-4f));
            assertThat(band.examples()).hasSize(Math.min(3, inBand.size()));
            for (Example e : band.examples()) {
                assertThat(e.max()).isBetween(band.low(), band.high());
            }
        }
        assertThat(heldOut).isEmpty();
    }

    private static void assertSame(FeatureWorld w, List<Example> examples, List<Firing> expected, List<Firing> fired) {
        assertThat(examples).hasSize(expected.size());
        for (int k = 0; k < expected.size(); k++) {
            Example e = examples.get(k);
            Firing f = expected.get(k);
            assertThat(e.max()).isCloseTo(f.value(), within(1e-4f));
            if (e.document() != f.document()) {
                continue; // two documents of equal strength up to rounding
            }
            assertThat(e.documentName()).isEqualTo("doc " + f.document());
            assertThat(e.label()).isEqualTo(w.docs.get(f.document()).label());
            assertThat(e.heldOut()).isEqualTo(f.heldOut());
            Firing peak = fired.stream()
                    .filter(g -> g.sequence() == e.sequence() && g.position() == e.position() + e.peak())
                    .findFirst()
                    .orElseThrow();
            assertThat(peak.value()).isCloseTo(f.value(), within(1e-4f));
            int first = Math.max(1, peak.position() - OPTIONS.before());
            int last = Math.min(peak.ids().length - 1, peak.position() + OPTIONS.after());
            assertThat(e.position()).isEqualTo(first);
            List<String> tokens = new ArrayList<>();
            for (int p = first; p <= last; p++) {
                tokens.add(w.model.tokenizer().token(peak.ids()[p]));
                int position = p;
                float value = (float) fired.stream()
                        .filter(g -> g.sequence() == e.sequence() && g.position() == position)
                        .mapToDouble(Firing::value)
                        .findFirst()
                        .orElse(0);
                assertThat(e.values()[p - first]).isCloseTo(value, within(1e-4f));
            }
            assertThat(e.tokens()).isEqualTo(tokens);
        }
    }

    private static void checkLabels(FeatureWorld w, FeatureDetail detail, List<Firing> fired) {
        for (LabelRate r : detail.labelRates()) {
            assertThat(r.tokens()).isEqualTo(count(w, w.rows, r.label(), false));
            assertThat(r.fired()).isEqualTo(count(w, fired, r.label(), false));
            assertThat(r.heldOutTokens()).isEqualTo(count(w, w.rows, r.label(), true));
            assertThat(r.heldOutFired()).isEqualTo(count(w, fired, r.label(), true));
            assertThat(r.rate()).isCloseTo((double) r.fired() / r.tokens(), within(1e-12));
            assertThat(r.share()).isCloseTo((double) r.fired() / fired.size(), within(1e-12));
        }
        if (!fired.isEmpty()) {
            assertThat(detail.labelRates()).hasSize(3);
            assertThat(detail.summary().topLabelShare())
                    .isCloseTo(detail.labelRates().getFirst().share(), within(1e-12));
        }
    }

    private static long count(FeatureWorld w, List<Firing> firings, String label, boolean heldOutOnly) {
        return firings.stream()
                .filter(f -> w.docs.get(f.document()).label().equals(label) && (!heldOutOnly || f.heldOut()))
                .count();
    }

    private static void checkTokens(
            FeatureWorld w, List<TokenRate> rates, List<Firing> fired, double sum, boolean before) {
        Map<Integer, List<Firing>> byToken =
                fired.stream().collect(Collectors.groupingBy(f -> before ? f.previous() : f.token()));
        assertThat(rates).hasSize(Math.min(5, byToken.size()));
        double last = Double.POSITIVE_INFINITY;
        for (TokenRate r : rates) {
            List<Firing> here = byToken.get(r.token());
            double mass = here.stream().mapToDouble(Firing::value).sum();
            assertThat(r.fired()).isEqualTo(here.size());
            assertThat(r.share()).isCloseTo(mass / sum, within(1e-6)).isLessThanOrEqualTo(last);
            last = r.share();
            assertThat((double) r.mean()).isCloseTo(mass / here.size(), within(1e-4));
            long occurrences = w.rows.stream()
                    .filter(f -> (before ? f.previous() : f.token()) == r.token())
                    .count();
            assertThat(r.rate()).isCloseTo((double) here.size() / occurrences, within(1e-12));
            assertThat(r.text()).isEqualTo(w.model.tokenizer().token(r.token()));
        }
        byToken.values().stream()
                .mapToDouble(f -> f.stream().mapToDouble(Firing::value).sum() / sum)
                .max()
                .ifPresent(most -> assertThat(rates.getFirst().share()).isCloseTo(most, within(1e-6)));
    }

    private static void checkLogits(FeatureWorld w, FeatureDetail detail, int i) {
        float[] logits = w.model.logits(w.sae.decoderRows().row(i));
        float[] sorted = logits.clone();
        java.util.Arrays.sort(sorted);
        assertThat(detail.promoted()).hasSize(4);
        assertThat(detail.suppressed()).hasSize(4);
        for (int k = 0; k < 4; k++) {
            TokenLogit up = detail.promoted().get(k);
            TokenLogit down = detail.suppressed().get(k);
            assertThat(up.value()).isCloseTo(sorted[FeatureWorld.VOCABULARY - 1 - k], within(1e-4f));
            assertThat(down.value()).isCloseTo(sorted[k], within(1e-4f));
            assertThat(logits[up.token()]).isCloseTo(up.value(), within(1e-4f));
            assertThat(down.text()).isEqualTo(w.model.tokenizer().token(down.token()));
        }
    }

    private static void checkNeighbours(FeatureWorld w, FeatureDetail detail, int i) {
        List<Double> cosines = new ArrayList<>();
        for (int j = 0; j < 16; j++) {
            if (j != i) {
                cosines.add(
                        cosine(w.sae.decoderRows().row(i), w.sae.decoderRows().row(j)));
            }
        }
        cosines.removeIf(c -> c <= 0);
        cosines.sort(Comparator.reverseOrder());
        assertThat(detail.nearest()).hasSize(Math.min(3, cosines.size()));
        List<String> places = w.firings.get(i).stream()
                .map(f -> f.sequence() + ":" + f.position())
                .toList();
        for (int k = 0; k < detail.nearest().size(); k++) {
            Neighbour n = detail.nearest().get(k);
            assertThat((double) n.cosine()).isCloseTo(cosines.get(k), within(1e-5));
            long together = w.firings.get(n.id()).stream()
                    .filter(f -> places.contains(f.sequence() + ":" + f.position()))
                    .count();
            assertThat(n.together()).isCloseTo(places.isEmpty() ? 0 : (double) together / places.size(), within(1e-12));
        }
        assertThat(detail.summary().encDecCosine())
                .isCloseTo(
                        cosine(w.sae.encoderRows().row(i), w.sae.decoderRows().row(i)), within(1e-5));
    }

    private static double cosine(float[] x, float[] y) {
        double xy = 0;
        double xx = 0;
        double yy = 0;
        for (int j = 0; j < x.length; j++) {
            xy += (double) x[j] * y[j];
            xx += (double) x[j] * x[j];
            yy += (double) y[j] * y[j];
        }
        return xx * yy == 0 ? 0 : xy / Math.sqrt(xx * yy);
    }

    @Test
    void anIndexIsCurrentOnlyForItsOwnSaeStoreAndOptionsAndAnyDamageIsNoticed() throws Exception {
        FeatureWorld w = new FeatureWorld(Cases.random(), Architecture.RELU);
        w.sae.save(folder.resolve("saes/toy"));
        Sae sae = Sae.open(folder.resolve("saes/toy"));
        Path features = folder.resolve("features");
        try (ActivationStore store = ToyStore.write(folder.resolve("store"), D, w.docs, w.model::activations)) {
            assertThat(FeatureIndexer.isCurrent(sae, store, OPTIONS, features)).isFalse();
            assertThatThrownBy(() -> FeatureIndex.open(features.resolve("toy")))
                    .isInstanceOf(NotFoundException.class)
                    .hasMessageContaining("loupe index toy");
            FeatureIndex index = FeatureIndexer.build(sae, store, w.model, OPTIONS, features, Progress.silent());
            assertThat(FeatureIndexer.isCurrent(sae, store, OPTIONS, features)).isTrue();
            assertThat(FeatureIndexer.isCurrent(sae, store, IndexOptions.standard(), features))
                    .isFalse();
            assertThatThrownBy(() -> index.detail(16))
                    .isInstanceOf(NotFoundException.class)
                    .hasMessageContaining("0 to 15");
            try (var left = Files.list(features)) {
                assertThat(left.filter(p -> p.getFileName().toString().contains(".tmp-")))
                        .isEmpty();
            }
        }
        Path table = features.resolve("toy/histograms.arrow");
        byte[] bytes = Files.readAllBytes(table);
        bytes[bytes.length / 2] ^= 1;
        Files.write(table, bytes);
        FeatureIndex damaged = FeatureIndex.open(features.resolve("toy"));
        assertThatThrownBy(() -> {
                    for (int i = 0; i < 16; i++) {
                        damaged.detail(i);
                    }
                })
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("checksum");
        Files.write(table, java.util.Arrays.copyOf(bytes, bytes.length - 8));
        assertThatThrownBy(() -> FeatureIndex.open(features.resolve("toy")))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("histograms.arrow");
    }

    @Test
    void theTablesAreReadableInPython() throws Exception {
        Path python = Python.require("Whether pyarrow reads a feature index stays untested.");
        FeatureWorld w = new FeatureWorld(Cases.random(), Architecture.TOPK);
        try (ActivationStore store = ToyStore.write(folder.resolve("store"), D, w.docs, w.model::activations)) {
            FeatureIndexer.build(w.sae, store, w.model, OPTIONS, folder.resolve("features"), Progress.silent());
        }
        String program = """
                import pyarrow.ipc as ipc, sys, glob, os
                tables = {os.path.basename(f)[:-6]: ipc.open_file(f).read_all() for f in glob.glob(sys.argv[1] + "/*.arrow")}
                f, e, t = tables["features"], tables["examples"], tables["texts"]
                for table in tables.values():
                    table.validate(full=True)
                    assert all(c.null_count == 0 for c in table.columns)
                texts = t["tokens"].to_pylist()
                row = e.slice(0, 1).to_pylist()[0]
                shown = texts[row["text_row"]][row["first"]:row["last"] + 1]
                assert t["sequence"][row["text_row"]].as_py() == row["sequence"]
                print(f.num_rows, sum(f["fired"].to_pylist()), "".join(shown), sep="|")
                """;
        String[] printed = Python.run(python, program, folder.resolve("features/toy"))
                .strip()
                .split("\\|");
        FeatureIndex index = FeatureIndex.open(folder.resolve("features/toy"));
        assertThat(printed[0]).isEqualTo("16");
        assertThat(printed[1])
                .isEqualTo(Long.toString(
                        index.all().stream().mapToLong(FeatureSummary::fired).sum()));
        Example first = index.all().stream()
                .filter(s -> !s.dead())
                .findFirst()
                .map(s -> index.detail(s.id()).examples().getFirst())
                .orElseThrow();
        assertThat(printed[2]).isEqualTo(String.join("", first.tokens()));
    }
}
