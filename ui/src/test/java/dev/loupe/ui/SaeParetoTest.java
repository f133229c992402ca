package dev.loupe.ui;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class SaeParetoTest {
    @Test
    void only_points_that_none_beats_in_both_are_the_best() {
        float[] l0 = {30, 10, 20, 20, 40, 10};
        float[] fvu = {0.2f, 0.5f, 0.3f, 0.4f, 0.25f, 0.45f};
        assertThat(SaePareto.best(l0, fvu)).containsExactly(5, 2, 0);
        assertThat(SaePareto.best(new float[] {5}, new float[] {1})).containsExactly(0);
    }
}
