package dev.loupe.diagnose.health;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.diagnose.BuiltinModel;
import dev.loupe.diagnose.Finding;
import dev.loupe.diagnose.GivenModel;
import dev.loupe.diagnose.GivenRows;
import dev.loupe.model.HookPoint;
import dev.loupe.store.ActivationStore;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Diagnostics of health on values whose answer is known. */
class HealthTest {
    @TempDir
    Path folder;

    /** Sizes 0, 0.01, 0.07 and 3.92: mean 1, so these are the scores. */
    private static float[] sizes(int position) {
        float sign = position % 2 == 0 ? 1 : -1;
        return new float[] {0, 0.01f * sign, 0.07f * sign, 3.92f};
    }

    @Test
    void neuronsAreGradedByTheirShareOfTheLayersActivity() {
        GivenModel model = new GivenModel(1, 4).with(HookPoint.mlpPost(0), (ids, p) -> sizes(p));
        Finding f = GivenRows.finding(new Dormancy(), model.reading(4, 9));
        assertThat(f.table().number(0, "silent")).isEqualTo(0.25);
        assertThat(f.table().number(0, "dormant")).isEqualTo(0.5);
        assertThat(f.table().number(0, "quiet")).isEqualTo(0.75);
        assertThat(f.table().number(0, "highest")).isCloseTo(3.92, within(1e-6));
        assertThat(f.number("dormant")).isEqualTo(0.5);
    }

    @Test
    void latentsAreGradedTheSameWay() {
        try (ActivationStore store = GivenRows.store(folder.resolve("s"), 4, 6, 8, (s, p) -> sizes(0))) {
            Finding f = GivenRows.run(new DormantLatents(), store, GivenRows.identity("one", 4));
            assertThat(f.table().number(2, "score")).isCloseTo(0.07, within(1e-6));
            assertThat(f.number("silent")).isEqualTo(0.25);
            assertThat(f.number("dormant")).isEqualTo(0.5);
            assertThat(f.number("quiet")).isEqualTo(0.75);
        }
    }

    @Test
    void aPlantedMassiveActivationIsFoundWithItsShare() {
        GivenModel model = new GivenModel(2, 5)
                .with(HookPoint.residPost(0), (ids, p) -> new float[] {1, -1, 1, 1, -1})
                .with(HookPoint.residPost(1), (ids, p) -> new float[] {1, -1, 1, p == 0 ? -5000 : 1, -1});
        Finding f = GivenRows.finding(new Massive(), model.reading(6, 10));
        assertThat(f.number("layers")).isEqualTo(1);
        assertThat(f.number("first_layer")).isEqualTo(1);
        assertThat(f.table().number(1, "entries")).isEqualTo(6);
        assertThat(f.table().number(1, "dimension")).isEqualTo(3);
        assertThat(f.table().number(1, "position")).isZero();
        double massive = 6 * 5000.0 * 5000;
        assertThat(f.table().number(1, "share")).isCloseTo(massive / (massive + 6 * 4 + 6 * 9 * 5), within(1e-9));
        assertThat(f.number("highest_ratio")).isCloseTo(5000, within(20.0));
    }

    @Test
    void withoutMassiveActivationsTheLargestAreTried() {
        Finding f = GivenRows.finding(new Massive(), BuiltinModel.subject(150));
        assertThat(f.number("perplexity")).isGreaterThan(1);
        assertThat(f.number("perplexity_zero")).isNotEqualTo(f.number("perplexity"));
        assertThat(f.number("perplexity_mean")).isNotEqualTo(f.number("perplexity_zero"));
        assertThat(f.number("layers")).isZero();
        assertThat(f.answer()).startsWith("No activation is massive");
    }

    @Test
    void aRowThatOutweighsAllOthersSpoilsTrainingUnlessItIsLeftOut() {
        java.util.Random random = new java.util.Random(11);
        float[][] directions = new float[24][16];
        for (float[] d : directions) {
            for (int j = 0; j < 16; j++) {
                d[j] = (float) random.nextGaussian();
            }
        }
        GivenModel model = new GivenModel(2, 16)
                .with(HookPoint.residPost(0), (ids, p) -> {
                    float[] row = new float[16];
                    for (int k = 0; k < 2; k++) {
                        float[] d = directions[Math.floorMod(31 * ids[p] + 17 * p + 7 * k, 24)];
                        for (int j = 0; j < 16; j++) {
                            row[j] += d[j];
                        }
                    }
                    row[5] += p == 0 ? 9000 : 0;
                    return row;
                })
                .with(HookPoint.residPost(1), (ids, p) -> new float[16]);
        Finding f = GivenRows.finding(new MassiveTraining(), model.reading(200, 30));
        assertThat(f.number("layer")).isZero();
        assertThat(f.number("ratio")).isGreaterThan(1000);
        assertThat(f.number("fvu_exclude_first")).isLessThan(f.number("fvu_all"));
        assertThat(f.number("fvu_mask")).isLessThan(f.number("fvu_all"));
    }
}
