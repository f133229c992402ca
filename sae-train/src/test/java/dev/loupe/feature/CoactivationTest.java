package dev.loupe.feature;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.base.CancelledException;
import dev.loupe.base.Progress;
import dev.loupe.feature.FeatureWorld.Firing;
import dev.loupe.fixtures.Cases;
import dev.loupe.sae.Architecture;
import dev.loupe.sae.Sae;
import dev.loupe.store.ActivationStore;
import dev.loupe.toy.ToyStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Moments, co-activation and going on after a stop, against brute force. */
class CoactivationTest {
    private static final IndexOptions OPTIONS = new IndexOptions(4, 1000, 3, 3, 2, 5, 4, 3);

    @TempDir
    Path folder;

    @Test
    void pairs_and_moments_equal_a_brute_force_reference() {
        Cases.check(6, random -> {
            FeatureWorld w = new FeatureWorld(random, Architecture.values()[random.index() % 3]);
            Path place = folder.resolve("case-" + random.index());
            try (ActivationStore store =
                    ToyStore.write(place.resolve("store"), FeatureWorld.D, w.docs, w.model::activations)) {
                FeatureIndex index = FeatureIndexer.build(
                        w.sae, store, w.model, OPTIONS, place.resolve("features"), Progress.silent());
                double[][] dense = dense(w);
                for (int i = 0; i < index.size(); i++) {
                    checkMoments(index.detail(i).moments(), dense[i]);
                    checkPairs(index, dense, i);
                }
            }
        });
    }

    /** [latent][row] */
    private static double[][] dense(FeatureWorld w) {
        double[][] dense = new double[w.firings.size()][w.rows.size()];
        for (int i = 0; i < dense.length; i++) {
            for (Firing f : w.firings.get(i)) {
                for (int r = 0; r < w.rows.size(); r++) {
                    Firing row = w.rows.get(r);
                    dense[i][r] += row.sequence() == f.sequence() && row.position() == f.position() ? f.value() : 0;
                }
            }
        }
        return dense;
    }

    private static void checkMoments(Moments m, double[] all) {
        double[] active = Arrays.stream(all).filter(v -> v > 0).toArray();
        double[] a = moments(active);
        double[] b = moments(all);
        assertThat(new double[] {m.mean(), m.std(), m.skewness(), m.kurtosis()}).containsExactly(a, within(2e-3));
        assertThat(new double[] {m.meanAll(), m.skewnessAll(), m.kurtosisAll()})
                .containsExactly(new double[] {b[0], b[2], b[3]}, within(2e-3));
        assertThat(m.meanSquareAll())
                .isCloseTo(
                        Arrays.stream(all).map(v -> v * v).average().orElse(0), within(1e-4 * (1 + m.meanSquareAll())));
    }

    private static double[] moments(double[] x) {
        double mean = Arrays.stream(x).average().orElse(0);
        double[] c = new double[5];
        for (int p = 2; p <= 4; p++) {
            int power = p;
            c[p] = Arrays.stream(x)
                    .map(v -> Math.pow(v - mean, power))
                    .average()
                    .orElse(0);
        }
        boolean varies = c[2] > 1e-10;
        return new double[] {
            mean,
            varies ? Math.sqrt(c[2]) : 0,
            varies ? c[3] / Math.pow(c[2], 1.5) : 0,
            varies ? c[4] / (c[2] * c[2]) : 0
        };
    }

    private static void checkPairs(FeatureIndex index, double[][] dense, int i) {
        List<Coactive> exact = index.detail(i).coactive();
        List<Double> expected = new ArrayList<>();
        for (int j = 0; j < dense.length; j++) {
            if (j != i && together(dense[i], dense[j]) > 0) {
                expected.add(pearson(dense[i], dense[j]));
            }
        }
        for (Coactive c : exact) {
            assertThat(c.exact()).isTrue();
            assertThat(c.rows()).isEqualTo(together(dense[i], dense[c.id()]));
            assertThat(c.correlation()).isCloseTo(pearson(dense[i], dense[c.id()]), within(1e-4));
            assertThat(c.share()).isCloseTo(c.rows() / index.summary(i).fired(), within(1e-9));
        }
        assertThat(exact).isSortedAccordingTo((a, b) -> Double.compare(b.correlation(), a.correlation()));
        List<Coactive> all = index.coactivation(i, index);
        for (Coactive c : all) {
            double counted = together(dense[i], dense[c.id()]);
            // the stated error is that of the estimate; the bound is that of the count
            double bound = 8 * c.error() * Math.sqrt(Math.max(1, counted / Math.max(1, c.rows())));
            assertThat(c.rows()).isCloseTo(counted, within(bound + 1e-9));
            boolean whole = index.summary(i).fired() <= RowSketch.SIZE
                    && index.summary(c.id()).fired() <= RowSketch.SIZE;
            assertThat(!whole || c.error() == 0).isTrue();
        }
        if (index.summary(i).fired() <= RowSketch.SIZE) {
            assertThat(all.size()).isBetween(exact.size(), expected.size());
        }
    }

    private static double together(double[] x, double[] y) {
        int n = 0;
        for (int r = 0; r < x.length; r++) {
            n += x[r] > 0 && y[r] > 0 ? 1 : 0;
        }
        return n;
    }

    private static double pearson(double[] x, double[] y) {
        double mx = Arrays.stream(x).average().orElse(0);
        double my = Arrays.stream(y).average().orElse(0);
        double xy = 0;
        double xx = 0;
        double yy = 0;
        for (int r = 0; r < x.length; r++) {
            xy += (x[r] - mx) * (y[r] - my);
            xx += (x[r] - mx) * (x[r] - mx);
            yy += (y[r] - my) * (y[r] - my);
        }
        return xx * yy > 0 ? xy / Math.sqrt(xx * yy) : 0;
    }

    @Test
    void a_sketch_is_whole_while_small_and_its_estimates_lie_within_their_stated_error() {
        Cases.check(40, random -> {
            int rows = 20_000;
            BitSet a = new BitSet();
            BitSet b = new BitSet();
            RowSketch sa = new RowSketch();
            RowSketch sb = new RowSketch();
            double share = random.nextFloat() * 0.2;
            for (int r = 0; r < rows; r++) {
                boolean both = random.nextFloat() < share;
                if (both || random.nextFloat() < 0.05) {
                    a.set(r);
                    sa.add(r);
                }
                if (both || random.nextFloat() < 0.1) {
                    b.set(r);
                    sb.add(r);
                }
            }
            Sketches s = new Sketches(
                    new int[][] {sa.hashes(), sb.hashes()},
                    new long[] {sa.limit(), sb.limit()},
                    new long[] {a.cardinality(), b.cardinality()},
                    rows);
            Sketches.Together t = s.together(0, s, 1);
            BitSet both = (BitSet) a.clone();
            both.and(b);
            assertThat(t.error()).isPositive();
            assertThat(t.rows()).isCloseTo(both.cardinality(), within(5 * t.error()));
            assertThat(s.together(0, s, 0).rows())
                    .isCloseTo(a.cardinality(), within(5 * s.together(0, s, 0).error()));
        });
        RowSketch small = new RowSketch();
        for (int r = 0; r < RowSketch.SIZE; r++) {
            small.add(r * 7L);
        }
        assertThat(small.limit()).isEqualTo(RowSketch.WHOLE);
        assertThat(small.hashes()).hasSize(RowSketch.SIZE);
        small.add(5);
        assertThat(small.limit()).isLessThan(RowSketch.WHOLE);
        assertThat(small.hashes()).hasSize(RowSketch.SIZE);
    }

    @Test
    void a_stopped_pass_goes_on_and_gives_the_same_bytes_and_damaged_codes_are_encoded_again() throws Exception {
        FeatureWorld w = new FeatureWorld(Cases.random(), Architecture.RELU);
        w.sae.save(folder.resolve("saes/toy"));
        Sae sae = Sae.open(folder.resolve("saes/toy"));
        Path whole = folder.resolve("whole");
        Path features = folder.resolve("features");
        try (ActivationStore store =
                ToyStore.write(folder.resolve("store"), FeatureWorld.D, w.docs, w.model::activations)) {
            FeatureIndexer.build(sae, store, w.model, OPTIONS, whole, Progress.silent());
            assertThatThrownBy(() -> FeatureIndexer.build(sae, store, w.model, OPTIONS, features, new Stopped("pairs")))
                    .isInstanceOf(CancelledException.class);
            Path codes = features.resolve(".toy.codes");
            assertThat(codes).exists();
            List<String> told = new ArrayList<>();
            FeatureIndexer.build(sae, store, w.model, OPTIONS, features, new Stopped("") {
                @Override
                public void message(String text) {
                    told.add(text);
                }
            });
            assertThat(told).anyMatch(t -> t.contains("goes on behind " + w.rows.size()));
            assertSameTables(whole.resolve("toy"), features.resolve("toy"));
            assertThat(codes).doesNotExist();
            assertThatThrownBy(() -> FeatureIndexer.build(sae, store, w.model, OPTIONS, features, new Stopped("pairs")))
                    .isInstanceOf(CancelledException.class);
            byte[] bytes = Files.readAllBytes(codes);
            bytes[bytes.length / 2] ^= 1;
            Files.write(codes, bytes);
            told.clear();
            FeatureIndexer.build(sae, store, w.model, OPTIONS, features, Progress.silent());
            assertSameTables(whole.resolve("toy"), features.resolve("toy"));
        }
    }

    private static void assertSameTables(Path a, Path b) throws IOException {
        for (String table : IndexTables.names()) {
            String file = IndexTables.file(table);
            assertThat(Files.readAllBytes(b.resolve(file))).as(file).isEqualTo(Files.readAllBytes(a.resolve(file)));
        }
    }

    /** Stops when a stage of this name begins. */
    private static class Stopped implements Progress {
        private final String where;
        private boolean stop;

        Stopped(String where) {
            this.where = where;
        }

        @Override
        public void stage(String name, long total, String unit) {
            stop = !where.isEmpty() && name.startsWith(where);
        }

        @Override
        public void advance(long done) {}

        @Override
        public boolean cancelled() {
            return stop;
        }
    }
}
