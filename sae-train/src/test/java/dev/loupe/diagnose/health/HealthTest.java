package dev.loupe.diagnose.health;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

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
}
