package dev.loupe.service;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.base.Json;
import dev.loupe.train.SweepPlan;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SweepBegunTest {
    private static final SweepPlan FRESH = new SweepPlan(List.of(List.of("a", "b")), List.of(), 3, 100, 200);
    private static final SweepPlan RESUMED = new SweepPlan(List.of(List.of("b")), List.of("a"), 2, 50, 100);

    @TempDir
    Path folder;

    private static SweepSpec spec(double rate) {
        return Json.MAPPER.convertValue(
                Map.of("name", "w", "store", "text", "arch", "topk", "dSae", 64, "set", Map.of("learning_rate", rate)),
                SweepSpec.class);
    }

    @Test
    void aSweepThatGoesOnKeepsThePlanOfItsBeginning() throws IOException {
        assertThat(SweepBegun.plan(folder, spec(0.1), FRESH)).isEqualTo(FRESH);
        assertThat(SweepBegun.plan(folder, spec(0.1), RESUMED)).isEqualTo(FRESH);
        assertThat(SweepBegun.plan(folder, spec(0.2), RESUMED)).isEqualTo(RESUMED); // another sweep of that name
        SweepBegun.end(folder);
        assertThat(folder).isEmptyDirectory();
        assertThat(SweepBegun.plan(folder, spec(0.1), RESUMED)).isEqualTo(RESUMED);
        try (var files = Files.list(folder)) {
            Files.writeString(files.findFirst().orElseThrow(), "{");
        }
        assertThat(SweepBegun.plan(folder, spec(0.1), FRESH)).isEqualTo(FRESH);
    }
}
