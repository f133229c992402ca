package dev.loupe.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The soak in small: that it runs, that all clients are served and nothing fails. */
class SoakTest {
    @TempDir
    Path folder;

    @Test
    void manyStreamsAreServedWithoutAnError() throws Exception {
        try (SoakBench soak = new SoakBench(12, 3, 1000)) {
            soak.prepare(folder);
            Benchmark.Measured m = soak.run();
            assertThat(m.amount()).isPositive();
            assertThat(soak.beside().get("texts").getFirst()).isGreaterThanOrEqualTo(12);
            assertThat(soak.beside().get("first token p95 ms").getFirst())
                    .isGreaterThanOrEqualTo(
                            soak.beside().get("first token p50 ms").getFirst());
        }
    }
}
