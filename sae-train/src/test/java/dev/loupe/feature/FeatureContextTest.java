package dev.loupe.feature;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.base.Json;
import dev.loupe.base.Progress;
import dev.loupe.feature.FeatureWorld.Firing;
import dev.loupe.fixtures.Cases;
import dev.loupe.sae.Architecture;
import dev.loupe.store.ActivationStore;
import dev.loupe.toy.ToyStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.node.ObjectNode;

/** What the index says about contexts, against the same figures worked out one row at a time. */
class FeatureContextTest {
    private static final IndexOptions OPTIONS = new IndexOptions(4, 1000, 3, 3, 2, 5, 4, 3);

    @TempDir
    Path folder;

    private FeatureIndex build(FeatureWorld w, Path place) {
        try (ActivationStore store =
                ToyStore.write(place.resolve("store"), FeatureWorld.D, w.docs, w.model::activations)) {
            return FeatureIndexer.build(w.sae, store, w.model, OPTIONS, place.resolve("features"), Progress.silent());
        }
    }

    @Test
    void every_figure_equals_a_brute_force_reference() {
        Cases.check(6, random -> {
            FeatureWorld w = new FeatureWorld(random, Architecture.values()[random.index() % 3]);
            FeatureIndex index = build(w, folder.resolve("case-" + random.index()));
            int known = 0;
            for (int i = 0; i < index.size(); i++) {
                List<Firing> fired = w.firings.get(i);
                FeatureSummary s = index.summary(i);
                Double r2 = tokenR2(w, i);
                if (r2 == null || fired.isEmpty()) {
                    assertThat(s.tokenR2()).isNull();
                } else {
                    known++;
                    assertThat(s.tokenR2()).isCloseTo(r2, within(1e-4));
                }
                assertThat(s.distinctTokens()).isEqualTo((int)
                        fired.stream().map(Firing::token).distinct().count());
                checkLabels(w, s, fired);
                checkPositions(w, index.detail(i), fired);
            }
            assertThat(known).isPositive();
        });
    }

    /** The value on every row, predicted by the mean over training rows of the same token. */
    private static @Nullable Double tokenR2(FeatureWorld w, int latent) {
        double[] values = new double[w.rows.size()];
        for (Firing f : w.firings.get(latent)) {
            for (int r = 0; r < values.length; r++) {
                Firing row = w.rows.get(r);
                values[r] += row.sequence() == f.sequence() && row.position() == f.position() ? f.value() : 0;
            }
        }
        double error = 0;
        double total = 0;
        double heldOutMean = mean(w, values, Firing::heldOut);
        for (int r = 0; r < values.length; r++) {
            if (w.rows.get(r).heldOut()) {
                int token = w.rows.get(r).token();
                double mean = mean(w, values, f -> !f.heldOut() && f.token() == token);
                mean = Double.isNaN(mean) ? mean(w, values, f -> !f.heldOut()) : mean;
                error += Math.pow(values[r] - mean, 2);
                total += Math.pow(values[r] - heldOutMean, 2);
            }
        }
        return total < 1e-9 ? null : Double.valueOf(1 - error / total);
    }

    private static double mean(FeatureWorld w, double[] values, Predicate<Firing> of) {
        double sum = 0;
        int n = 0;
        for (int r = 0; r < values.length; r++) {
            if (of.test(w.rows.get(r))) {
                sum += values[r];
                n++;
            }
        }
        return n == 0 ? Double.NaN : sum / n;
    }

    private static void checkLabels(FeatureWorld w, FeatureSummary s, List<Firing> fired) {
        Map<String, Long> tokens = byLabel(w, w.rows);
        Map<String, Long> hits = byLabel(w, fired);
        double sum = 0;
        for (String label : tokens.keySet()) {
            sum += (double) hits.getOrDefault(label, 0L) / tokens.get(label);
        }
        if (fired.isEmpty() || tokens.size() < 2) {
            assertThat(s.labelEntropy()).isNull();
            return;
        }
        double entropy = 0;
        for (String label : tokens.keySet()) {
            double p = (double) hits.getOrDefault(label, 0L) / tokens.get(label) / sum;
            entropy -= p == 0 ? 0 : p * Math.log(p);
        }
        assertThat(s.labelEntropy()).isCloseTo(entropy, within(1e-9));
        assertThat(s.labelEntropy()).isBetween(0.0, Math.log(tokens.size()) + 1e-9);
        assertThat(s.labels()).isEqualTo((int)
                hits.values().stream().filter(h -> h >= 0.02 * fired.size()).count());
    }

    private static Map<String, Long> byLabel(FeatureWorld w, List<Firing> rows) {
        return rows.stream()
                .collect(Collectors.groupingBy(
                        f -> w.docs.get(f.document()).label(), TreeMap::new, Collectors.counting()));
    }

    private static void checkPositions(FeatureWorld w, FeatureDetail detail, List<Firing> fired) {
        if (fired.isEmpty()) {
            assertThat(detail.positionRates()).isEmpty();
            return;
        }
        for (PositionRate band : detail.positionRates()) {
            Predicate<Firing> inside = f -> f.position() >= band.first() && f.position() <= band.last();
            assertThat(band.tokens()).isEqualTo(w.rows.stream().filter(inside).count());
            assertThat(band.fired()).isEqualTo(fired.stream().filter(inside).count());
        }
        assertThat(detail.positionRates().stream()
                        .mapToLong(PositionRate::tokens)
                        .sum())
                .isEqualTo(w.rows.size());
        assertThat(detail.summary().firstPositions())
                .isCloseTo(
                        (double) fired.stream().filter(f -> f.position() <= 4).count() / fired.size(), within(1e-12));
    }

    @Test
    void bands_of_positions_double_and_leave_none_out() {
        int[] bands = {0, 1, 2, 3, 3, 4, 4, 4, 4, 5};
        for (int p = 0; p < bands.length; p++) {
            assertThat(PositionBands.of(p)).as("position " + p).isEqualTo(bands[p]);
        }
        int expected = 0;
        for (int b = 0; b < PositionBands.COUNT; b++) {
            assertThat(PositionBands.first(b)).isEqualTo(expected);
            assertThat(PositionBands.of(PositionBands.first(b))).isEqualTo(b);
            assertThat(PositionBands.of(PositionBands.last(b))).isEqualTo(b);
            expected = PositionBands.last(b) + 1;
        }
    }

    @Test
    void an_index_of_the_first_format_opens_and_says_that_contexts_are_unknown() throws Exception {
        FeatureWorld w = new FeatureWorld(Cases.random(), Architecture.TOPK);
        Path place = folder.resolve("features/toy");
        FeatureIndex now = build(w, folder);
        ObjectNode manifest = (ObjectNode) Json.tree(place.resolve(IndexManifest.FILE));
        manifest.put("format", "1.0");
        for (String table : List.of(IndexTables.CONTEXTS, IndexTables.POSITIONS)) {
            Files.delete(place.resolve(IndexTables.file(table)));
            ((ObjectNode) manifest.get("files")).remove(IndexTables.file(table));
        }
        Json.write(place.resolve(IndexManifest.FILE), manifest);
        FeatureIndex old = FeatureIndex.open(place);
        for (int i = 0; i < old.size(); i++) {
            assertThat(old.summary(i).label()).isEqualTo(now.summary(i).label());
            assertThat(old.summary(i).tokenR2()).isNull();
            assertThat(old.summary(i).contextual()).isZero();
            assertThat(old.detail(i).positionRates()).isEmpty();
        }
    }
}
