package dev.loupe.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.cli.Cli;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An attempt that is too slow is made a second time elsewhere by Spark, and the second one wins. */
@Tag("cluster")
class ClusterSpeculationTest {
    private static final int TOKENS = 12_000;

    @TempDir
    Path folder;

    @Test
    void a_second_attempt_wins_and_nothing_of_the_first_is_left() throws Exception {
        Path text = Work.text(folder);
        Work.done(new Cli(folder.resolve("near")), Work.capture(text, TOKENS));
        Path workspace = folder.resolve("far");
        Path log = folder.resolve("far.log");
        try (SmallCluster cluster = SmallCluster.start(folder.resolve("cluster"), 1)) {
            cluster.worker("other", "127.0.0.2", Map.of()); // Spark makes no second attempt on the same machine
            String[] capture = Work.capture(
                    text,
                    TOKENS,
                    "--on",
                    cluster.master(),
                    "--conf",
                    "spark.ui.enabled=false",
                    "--conf",
                    "spark.speculation=true",
                    "--conf",
                    "spark.speculation.task.duration.threshold=4s");
            Process driver = new Cli(workspace).start(log, SmallCluster.LOOPBACK, capture);
            try {
                Faults.Stopped slow = Faults.stopOne(driver, log, workspace, () -> Faults.shards(workspace) > 0);
                assertThat(slow.children()).isNotEmpty();
                Faults.done(driver, log);
                for (ProcessHandle child : slow.children()) { // whom Spark told to end, though it stood still
                    child.onExit().get(30, TimeUnit.SECONDS);
                }
            } finally {
                Faults.killAll(driver);
            }
        }
        assertThat(Faults.sparkLog(workspace))
                .containsPattern("Marking task .* as speculatable|as speculatable")
                .containsPattern("Killing attempt 0 for task .* because the attempt 1 succeeded|"
                        + "as the attempt 1 succeeded");
        assertThat(Work.checksums(folder.resolve("far/activations/s")))
                .isEqualTo(Work.checksums(folder.resolve("near/activations/s")));
        try (Stream<Path> stores = Files.list(folder.resolve("far/activations"))) {
            assertThat(stores.map(p -> p.getFileName().toString()).filter(n -> !n.endsWith(".lock")))
                    .containsExactly("s");
        }
    }
}
