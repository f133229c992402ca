package dev.loupe.diagnose.sparsity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.diagnose.Finding;
import dev.loupe.diagnose.GivenModel;
import dev.loupe.diagnose.GivenRows;
import dev.loupe.model.HookPoint;
import dev.loupe.store.ActivationStore;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Diagnostics of sparsity on values whose answer is known. */
class SparsityTest {
    @TempDir
    Path folder;

    @Test
    void theNonZeroShareOfAReluLayerIsThatOfItsPositiveEntries() {
        GivenModel model = new GivenModel(2, 10)
                .with(HookPoint.mlpPost(0), (ids, p) -> row(10, 3, 1f, 0f))
                .with(HookPoint.mlpPost(1), (ids, p) -> row(10, 5, 2f, -1f));
        Finding f = GivenRows.finding(new NonZeroShare(), model.reading(3, 7));
        assertThat(f.table().number(0, "non_zero")).isCloseTo(0.3, within(1e-12));
        assertThat(f.table().number(0, "positive")).isCloseTo(0.3, within(1e-12));
        assertThat(f.table().number(1, "non_zero")).isCloseTo(1, within(1e-12));
        assertThat(f.table().number(1, "positive")).isCloseTo(0.5, within(1e-12));
        assertThat(f.number("non_zero")).isCloseTo(0.65, within(1e-12));
    }

    /** The first {@code some} values are one number, the others another. */
    private static float[] row(int width, int some, float first, float rest) {
        float[] row = new float[width];
        for (int i = 0; i < width; i++) {
            row[i] = i < some ? first : rest;
        }
        return row;
    }

    @Test
    void independentLatentsAreInactiveOnChunksAsOftenAsChanceSays() {
        Random random = new Random(5);
        double p = 0.1;
        try (ActivationStore store = GivenRows.store(folder.resolve("s"), 64, 100, 63, (s, at) -> {
            float[] x = new float[64];
            for (int i = 0; i < x.length; i++) {
                x[i] = random.nextDouble() < p ? 1 : 0;
            }
            return x;
        })) {
            Finding f = GivenRows.run(new Locality(), store, GivenRows.identity("one", 64));
            assertThat(f.number("tls")).isCloseTo(1 - p, within(0.005));
            assertThat(f.number("reuse")).isCloseTo(p, within(0.01));
            double last = 1;
            for (int i = 0; i < 7; i++) {
                int length = 1 << i;
                double cls = f.table().number(i, "cls");
                if (length <= 32) { // sequences hold 63 tokens: no chunk of 64
                    assertThat(cls).isCloseTo(Math.pow(1 - p, length), within(0.01));
                    assertThat(cls).isCloseTo(f.table().number(i, "independent"), within(0.01));
                    assertThat(cls).isLessThanOrEqualTo(last);
                    last = cls;
                }
            }
            assertThat(f.table().number(0, "cls")).isCloseTo(f.number("tls"), within(1e-12)); // CLS_1 = TLS
            assertThat(f.table().number(6, "chunks")).isZero();
        }
    }

    @Test
    void latentsThatStayOnAreReusedAndStoredInLongChunks() {
        try (ActivationStore store = GivenRows.store(folder.resolve("s"), 32, 20, 64, (s, at) -> {
            float[] x = new float[32];
            for (int i = 0; i < 4; i++) {
                x[(4 * s + i) % 32] = 1;
            }
            return x;
        })) {
            Finding f = GivenRows.run(new Locality(), store, GivenRows.identity("one", 32));
            assertThat(f.number("reuse")).isCloseTo(1, within(1e-12));
            assertThat(f.number("change")).isZero();
            assertThat(f.number("cls64")).isCloseTo(f.number("tls"), within(1e-12));
            assertThat(f.number("best_chunk")).isEqualTo(64);
            assertThat(f.number("bytes_per_token")).isCloseTo(4 * (4 + 4.0 / 64), within(1e-9));
        }
    }
}
