package dev.loupe.diagnose.sparsity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.diagnose.BuiltinModel;
import dev.loupe.diagnose.Finding;
import dev.loupe.diagnose.GivenRows;
import dev.loupe.diagnose.Subject;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenBatch;
import dev.loupe.model.Want;
import dev.loupe.sae.Architecture;
import dev.loupe.sae.Sae;
import dev.loupe.store.ActivationStore;
import dev.loupe.toy.ToySaes;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Statistical selection, random activations and thresholds, where chance says what must come out. */
class DrawnAndChosenTest {
    @TempDir
    Path folder;

    @Test
    void ofGaussianNumbersAboutKAreChosen() {
        Random random = new Random(1);
        double sum = 0;
        int rounds = 40;
        for (int r = 0; r < rounds; r++) {
            float[] x = new float[32_768];
            for (int i = 0; i < x.length; i++) {
                x[i] = (float) random.nextGaussian();
            }
            sum += StatisticalSelection.selected(x, 32)[0];
        }
        assertThat(sum / rounds).isCloseTo(32, within(32 * 0.08)); // ±5 % and the spread of 40 draws
    }

    @Test
    void skewedNumbersAreChosenTooOften() {
        Random random = new Random(2);
        try (ActivationStore store = GivenRows.store(folder.resolve("s"), 256, 20, 10, (s, p) -> {
            float[] x = new float[256];
            for (int i = 0; i < x.length; i++) {
                x[i] = (float) -Math.log(1 - random.nextDouble()); // exponential: a heavier tail than the normal's
            }
            return x;
        })) {
            Sae sae = ToySaes.of(
                    "top", Architecture.TOPK, 4, identity(256), identity(256), new float[256], new float[256]);
            Finding f = GivenRows.run(new StatisticalSelection(), store, sae);
            assertThat(f.number("k")).isEqualTo(4);
            // mean 1, standard deviation 1: theta = 1 + Q(1 - 4/256) = 3.15, and exp(-3.15) of 256 are above
            assertThat(f.number("selected")).isCloseTo(256 * Math.exp(-3.154), within(1.2));
            assertThat(f.number("bias")).isGreaterThan(2);
            assertThat(f.number("agreement")).isGreaterThan(0.95);
        }
    }

    private static float[][] identity(int n) {
        float[][] one = new float[n][n];
        for (int i = 0; i < n; i++) {
            one[i][i] = 1;
        }
        return one;
    }

    @Test
    void drawsDependOnTheirPlaceAloneAndAreEven() {
        double sum = 0;
        for (int i = 0; i < 100_000; i++) {
            double v = StochasticForward.draw(7, 3, i % 100, 17, i);
            assertThat(v)
                    .isEqualTo(StochasticForward.draw(7, 3, i % 100, 17, i))
                    .isBetween(0.0, 1.0);
            sum += v;
        }
        assertThat(sum / 100_000).isCloseTo(0.5, within(0.005));
        assertThat(StochasticForward.draw(8, 3, 0, 17, 0)).isNotEqualTo(StochasticForward.draw(7, 3, 0, 17, 0));
    }

    @Test
    void noDrawLeavesTheModelAsItIsAndSeedsRepeat() {
        Subject subject = BuiltinModel.subject(100);
        int[] ids = subject.text().sequences().getFirst();
        float[] own = logits(subject, ids, Taps.none());
        assertThat(logits(subject, ids, StochasticForward.taps(subject, 1, 1)))
                .isEqualTo(own); // always its own function
        float[] drawn = logits(subject, ids, StochasticForward.taps(subject, 1, 0.7));
        assertThat(drawn).isNotEqualTo(own).isEqualTo(logits(subject, ids, StochasticForward.taps(subject, 1, 0.7)));
        assertThat(logits(subject, ids, StochasticForward.taps(subject, 2, 0.7)))
                .isNotEqualTo(drawn);
    }

    private static float[] logits(Subject subject, int[] ids, Taps taps) {
        return subject.model()
                .forward(TokenBatch.of(ids), taps, Want.LAST_LOGITS)
                .lastLogits(0);
    }

    @Test
    void aLatentsDistanceToItsThresholdIsThatOfAGaussian() {
        Random random = new Random(3);
        try (ActivationStore store = GivenRows.store(folder.resolve("s"), 8, 100, 60, (s, p) -> {
            float[] x = new float[8];
            for (int i = 0; i < x.length; i++) {
                x[i] = (float) (3 + 0.5 * random.nextGaussian());
            }
            return x;
        })) {
            float[] bias = new float[8];
            java.util.Arrays.fill(bias, -4f); // two standard deviations above the mean of 3
            bias[0] = -6f; // six
            Sae sae = ToySaes.of("relu", Architecture.RELU, 0, identity(8), identity(8), bias, new float[8]);
            Finding f = GivenRows.run(new ThresholdScale(), store, sae);
            assertThat(f.table().number(1, "z")).isCloseTo(2, within(0.1));
            assertThat(f.table().number(1, "gaussian")).isCloseTo(0.0228, within(0.006));
            assertThat(f.table().number(1, "fires")).isCloseTo(0.0228, within(0.01));
            assertThat(f.number("far_share")).isEqualTo(1 / 8.0);
        }
    }
}
