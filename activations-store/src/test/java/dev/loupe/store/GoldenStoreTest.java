package dev.loupe.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.base.Progress;
import dev.loupe.fixtures.ProjectRoot;
import dev.loupe.math.Matrix;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class GoldenStoreTest {
    private static final Path STORE =
            ProjectRoot.resolve("activations-store/src/test/resources/dev/loupe/store/golden-v1");

    @Test
    void a_store_of_format_1_0_reads_as_it_was_written() {
        try (ActivationStore store = ActivationStore.open(STORE);
                Arena arena = Arena.ofConfined()) {
            assertThat(store.verify(Progress.silent()).problems()).isEmpty();
            assertThat(store.manifest().content().format()).isEqualTo("1.0");
            assertThat(store.manifest().content().seed()).isEqualTo(42);
            assertThat(store.name()).isEqualTo("golden-v1");
            assertThat(store.hooks()).containsExactly(GoldenStore.FLOATS, GoldenStore.HALVES);
            assertThat(store.rows()).isEqualTo(10);
            assertThat(store.heldOutRowIds().toArray()).containsExactly(0, 1, 2, 3, 4);
            assertThat(store.trainRowIds().toArray()).containsExactly(5, 6, 7, 8, 9);
            int row = 0;
            for (int s = 0; s < GoldenStore.SEQUENCES.length; s++) {
                assertThat(store.sequenceTokens(s)).isEqualTo(GoldenStore.SEQUENCES[s]);
                for (int p = 1; p < GoldenStore.SEQUENCES[s].length; p++, row++) {
                    assertThat(store.tokens().tokenId(row)).isEqualTo(GoldenStore.SEQUENCES[s][p]);
                    assertThat(store.tokens().position(row)).isEqualTo(p);
                    assertThat(store.tokens().document(row)).isEqualTo(GoldenStore.DOCUMENT[s]);
                }
            }
            for (int d = 0; d < 3; d++) {
                assertThat(store.documents().name(d)).isEqualTo(GoldenStore.NAMES[d]);
                assertThat(store.documents().label(d)).isEqualTo(GoldenStore.LABELS[d]);
                assertThat(store.documents().confidence(d)).isEqualTo(GoldenStore.CONFIDENCE[d]);
                assertThat(store.documents().heldOut(d)).isEqualTo(GoldenStore.HELD_OUT[d]);
            }
            for (String hook : store.hooks()) {
                Matrix all = Matrix.allocate(arena, 10, store.width(hook));
                store.reader(hook).read(0, 10, all);
                double squares = 0;
                for (int r = 0; r < 10; r++) {
                    for (int i = 0; i < all.cols(); i++) {
                        float expected = GoldenStore.value(hook, r, i);
                        assertThat(all.get(r, i)).isEqualTo(expected);
                        squares += r < 5 ? 0 : (double) expected * expected;
                    }
                }
                assertThat(store.meanSquaredNorm(hook)).isCloseTo(squares / 5, within(1e-12));
                assertThat(store.mean(hook)[0]).isEqualTo(GoldenStore.value(hook, 7, 0)); // the middle of rows 5 to 9
            }
        }
    }

    @Test
    void the_order_of_shuffled_batches_never_changes() {
        // trained SAEs name this order in their provenance; two epochs under seed 1, the same as by a Python of the
        // formula
        try (ActivationStore store = ActivationStore.open(STORE)) {
            long[] rows = new long[10];
            new BatchStream(store, GoldenStore.FLOATS, 1, 10).rowIds(0, rows);
            assertThat(rows).containsExactly(EXPECTED_ORDER);
        }
    }

    private static final long[] EXPECTED_ORDER = {6, 8, 7, 5, 9, 9, 8, 7, 6, 5};
}
