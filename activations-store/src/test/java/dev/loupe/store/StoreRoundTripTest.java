package dev.loupe.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.fixtures.Cases;
import dev.loupe.fixtures.Floats;
import dev.loupe.math.Matrix;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StoreRoundTripTest {
    @TempDir
    Path folder;

    @Test
    void what_is_written_is_read_back_bit_for_bit_at_any_width_dtype_and_shard_size() {
        Cases.check(60, random -> {
            Map<String, StoreSpec.HookSpec> hooks = new LinkedHashMap<>();
            hooks.put("blocks.0.hook_resid_post", new StoreSpec.HookSpec(random.size(), random.oneOf(Dtype.values())));
            if (random.nextBoolean()) {
                hooks.put("hook_embed", new StoreSpec.HookSpec(random.size(70), random.oneOf(Dtype.values())));
            }
            StoreSpec spec = TestStores.spec("store-" + random.index(), hooks);
            TestStores.Expected e = TestStores.random(random, random.nextInt(1, 6), hooks);
            Path store = folder.resolve(spec.name());
            TestStores.write(store, spec, e);
            try (ActivationStore opened = ActivationStore.open(store);
                    Arena arena = Arena.ofConfined()) {
                checkTables(opened, e);
                for (String hook : hooks.keySet()) {
                    checkRows(opened, hook, e, random, arena);
                    checkStatistics(opened, hook, e);
                }
                VerifyReport report = opened.verify(Progress.silent());
                assertThat(report.problems()).isEmpty();
                assertThat(StoreSpec.of(opened.manifest()).sameAs(spec)).isTrue();
            }
        });
    }

    private static void checkTables(ActivationStore store, TestStores.Expected e) {
        assertThat(store.rows()).isEqualTo(e.rows.size());
        for (int r = 0; r < e.rows.size(); r++) {
            int[] row = e.rows.get(r);
            TokenTable tokens = store.tokens();
            assertThat(new int[] {tokens.tokenId(r), tokens.sequence(r), tokens.position(r), tokens.document(r)})
                    .isEqualTo(row);
            boolean heldOut = e.heldOut.get(row[3]);
            assertThat(store.heldOutRowIds().contains(r)).isEqualTo(heldOut);
            assertThat(store.trainRowIds().contains(r)).isNotEqualTo(heldOut);
        }
        assertThat(store.trainRowIds().size()).isEqualTo(store.trainRows());
        assertThat(store.heldOutRowIds().size()).isEqualTo(store.heldOutRows());
        assertThat(store.documents().size()).isEqualTo(e.names.size());
        for (int d = 0; d < e.names.size(); d++) {
            assertThat(store.documents().name(d)).isEqualTo(e.names.get(d));
            assertThat(store.documents().label(d)).isEqualTo(e.labels.get(d));
            assertThat(store.documents().confidence(d)).isEqualTo(e.confidence.get(d));
            assertThat(store.documents().heldOut(d)).isEqualTo(e.heldOut.get(d));
        }
        assertThat(store.sequences().size()).isEqualTo(e.sequences.size());
        long row = 0;
        for (int s = 0; s < e.sequences.size(); s++) {
            assertThat(store.sequenceTokens(s)).isEqualTo(e.sequences.get(s));
            assertThat(store.sequences().document(s)).isEqualTo(e.sequenceDocument.get(s));
            assertThat(store.sequences().firstRow(s)).isEqualTo(row);
            assertThat(store.sequences().rows(s)).isEqualTo(e.sequences.get(s).length - 1);
            row += e.sequences.get(s).length - 1;
        }
    }

    private static void checkRows(
            ActivationStore store, String hook, TestStores.Expected e, Cases.Random random, Arena arena) {
        int n = e.rows.size();
        int width = store.width(hook);
        RowReader reader = store.reader(hook);
        Matrix all = Matrix.allocate(arena, n, width);
        reader.read(0, n, all);
        int[] order = random.permutation(n);
        long[] rows = new long[n + 3];
        for (int i = 0; i < n; i++) {
            rows[i + 3] = order[i];
        }
        Matrix gathered = Matrix.allocate(arena, n, width);
        reader.gather(rows, 3, n, gathered);
        for (int i = 0; i < n; i++) {
            Floats.assertIdentical(all.row(i), e.activations.get(hook).get(i));
            Floats.assertIdentical(gathered.row(i), e.activations.get(hook).get(order[i]));
        }
    }

    private static void checkStatistics(ActivationStore store, String hook, TestStores.Expected e) {
        double[] mean = new double[store.width(hook)];
        double squares = 0;
        double norms = 0;
        int n = 0;
        for (int r = 0; r < e.rows.size(); r++) {
            if (!e.heldOut.get(e.rows.get(r)[3])) {
                double square = 0;
                float[] x = e.activations.get(hook).get(r);
                for (int i = 0; i < x.length; i++) {
                    mean[i] += x[i];
                    square += (double) x[i] * x[i];
                }
                squares += square;
                norms += Math.sqrt(square);
                n++;
            }
        }
        double count = Math.max(1, n);
        for (int i = 0; i < mean.length; i++) {
            mean[i] /= count;
        }
        Floats.assertClose(store.manifest().hooks().get(hook).mean(), mean, 1e-12);
        assertThat(store.meanSquaredNorm(hook)).isCloseTo(squares / count, within(1e-12 * squares));
        assertThat(store.meanNorm(hook)).isCloseTo(norms / count, within(1e-12 * norms));
        assertThat(store.trainRows()).isEqualTo(n);
    }

    @Test
    void an_unknown_hook_point_is_answered_with_those_there_are() {
        Map<String, StoreSpec.HookSpec> hooks =
                Map.of("blocks.1.hook_resid_mid", new StoreSpec.HookSpec(3, Dtype.FLOAT32));
        TestStores.write(
                folder.resolve("s"), TestStores.spec("s", hooks), TestStores.random(Cases.Random.of(1), 2, hooks));
        try (ActivationStore store = ActivationStore.open(folder.resolve("s"))) {
            assertThatThrownBy(() -> store.reader("blocks.9.hook_resid_post"))
                    .isInstanceOf(LoupeException.class)
                    .hasMessageContaining("blocks.9.hook_resid_post")
                    .hasMessageContaining("blocks.1.hook_resid_mid");
        }
    }

    @Test
    void several_threads_read_the_same_rows() {
        Map<String, StoreSpec.HookSpec> hooks = Map.of("h", new StoreSpec.HookSpec(33, Dtype.BF16));
        TestStores.Expected e = TestStores.random(Cases.random(), 40, hooks);
        TestStores.write(folder.resolve("s"), TestStores.spec("s", hooks), e);
        try (ActivationStore store = ActivationStore.open(folder.resolve("s"))) {
            List.of(0, 1, 2, 3).parallelStream().forEach(thread -> {
                RowReader reader = store.reader("h");
                try (Arena arena = Arena.ofConfined()) {
                    Matrix one = Matrix.allocate(arena, 1, 33);
                    for (int r = thread; r < e.rows.size(); r++) {
                        reader.gather(new long[] {r}, 0, 1, one);
                        Floats.assertIdentical(
                                one.row(0), e.activations.get("h").get(r));
                    }
                }
            });
        }
    }
}
