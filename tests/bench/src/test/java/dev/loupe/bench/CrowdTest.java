package dev.loupe.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The crowd in small: that pages come with content, streams write, and whoever leaves is forgotten. */
class CrowdTest {
    @TempDir
    Path folder;

    @Test
    void tabsAndStreamsAreServedTogetherAndNothingIsLeftOver() throws Exception {
        try (CrowdBench crowd = new CrowdBench(4, 3, 3, 1000, false, 60, 1000)) {
            crowd.prepare(folder);
            Benchmark.Measured m = crowd.run();
            assertThat(m.amount()).isGreaterThanOrEqualTo(4);
            assertThat(crowd.beside().get("tokens/s").getFirst()).isPositive();
            assertThat(crowd.beside().get("broken off").getFirst()).isPositive();
            assertThat(crowd.beside().get("errors").getFirst()).isZero();
        }
    }
}
