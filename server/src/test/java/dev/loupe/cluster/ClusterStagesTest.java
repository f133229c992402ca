package dev.loupe.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.base.Json;
import dev.loupe.cli.Cli;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** A real cluster whose executors and drivers die in the middle of a training, an index, a match and an evaluation. */
@Tag("cluster")
class ClusterStagesTest {
    private static final int TOKENS = 3_500;

    @TempDir
    static Path folder;

    private static SmallCluster cluster;
    private static String sae;

    @BeforeAll
    static void start() throws Exception {
        cluster = SmallCluster.start(folder.resolve("cluster"), 2);
        Cli local = new Cli(folder.resolve("near"));
        Work.done(local, Work.capture(Work.text(folder), TOKENS));
        Work.done(local, Work.wideSeeds());
        sae = Work.first(folder.resolve("near/saes"));
        Work.done(local, "index", sae);
    }

    @AfterAll
    static void stop() throws InterruptedException {
        if (cluster != null) {
            cluster.close();
        }
    }

    private static Process command(String workspace, Path log, String... arguments) throws IOException {
        List<String> all = new ArrayList<>(List.of(arguments));
        all.addAll(List.of("--on", cluster.master(), "--conf", "spark.ui.enabled=false"));
        return new Cli(folder.resolve(workspace)).start(log, SmallCluster.LOOPBACK, all.toArray(String[]::new));
    }

    private static void copy(String part, String workspace) throws IOException {
        Work.copy(
                folder.resolve("near").resolve(part), folder.resolve(workspace).resolve(part));
    }

    private static void assertSame(String part, String workspace) throws IOException {
        assertThat(Work.checksums(folder.resolve(workspace).resolve(part)))
                .as(part)
                .isNotEmpty()
                .isEqualTo(Work.checksums(folder.resolve("near").resolve(part)));
    }

    /** Runs a command one of whose executors is killed in the middle of a task. */
    private static void killed(String workspace, Faults.Condition underWay, String... arguments) throws Exception {
        Path log = folder.resolve(workspace + ".log");
        Process driver = command(workspace, log, arguments);
        try {
            Faults.stopOne(driver, log, folder.resolve(workspace), underWay).kill();
            Faults.done(driver, log);
        } finally {
            Faults.killAll(driver);
        }
        assertThat(Files.readString(log)).contains("Spark lost executor");
    }

    /** Two SAEs, a task each, that take some seconds and write checkpoints. */
    private static String[] sweep() throws IOException {
        Path file = Files.writeString(folder.resolve("long.yaml"), """
                name: q
                store: s
                arch: [topk, jumprelu]
                d_sae: 256
                k: 4
                steps: 1500
                set:
                  batch: 128
                  checkpoint_minutes: 0.01
                evaluate: false
                """);
        return new String[] {"sweep", file.toString()};
    }

    private static boolean hasCheckpoint(String workspace) {
        try (Stream<Path> all = Files.list(folder.resolve(workspace).resolve("saes"))) {
            return all.anyMatch(f -> f.getFileName().toString().endsWith(".checkpoint.safetensors"));
        } catch (IOException e) {
            return false;
        }
    }

    @Test
    void a_training_whose_executor_is_killed_has_the_bytes_of_one_machine() throws Exception {
        copy("activations", "sweep");
        killed("sweep", () -> hasCheckpoint("sweep"), sweep());
        assertThat(Files.readString(folder.resolve("sweep.log"))).contains("Going on from step");
        assertTrained("sweep");
    }

    @Test
    void a_training_whose_driver_is_killed_goes_on_and_has_the_bytes_of_one_machine() throws Exception {
        copy("activations", "driver");
        Path log = folder.resolve("driver.log");
        Process driver = command("driver", log, sweep());
        try {
            Faults.waitFor(driver, log, () -> hasCheckpoint("driver"));
        } finally {
            Faults.killAll(driver);
        }
        Path again = folder.resolve("again.log");
        Faults.done(command("driver", again, sweep()), again);
        assertThat(Files.readString(again)).contains("Going on from step");
        assertTrained("driver");
    }

    /** Compares with a sweep of one machine. */
    private static void assertTrained(String workspace) throws IOException {
        Path near = folder.resolve("near-sweep");
        if (!Files.exists(near)) {
            Work.copy(folder.resolve("near/activations"), near.resolve("activations"));
            Work.done(new Cli(near), sweep());
        }
        assertThat(Work.checksums(folder.resolve(workspace).resolve("saes")))
                .hasSizeGreaterThan(3)
                .isEqualTo(Work.checksums(near.resolve("saes")));
    }

    @Test
    void an_index_whose_executor_is_killed_has_the_bytes_of_one_machine() throws Exception {
        copy("activations", "index");
        copy("saes", "index");
        killed("index", () -> true, "index", sae);
        assertSame("features/" + sae, "index");
    }

    @Test
    void a_match_whose_executor_is_killed_has_the_bytes_of_one_machine() throws Exception {
        copy("activations", "match");
        copy("saes", "match"); // what is trained already is kept: all tasks are those of the match
        killed("match", () -> true, Work.wideSeeds());
        assertThat(Files.readString(folder.resolve("match.log"))).contains(": cosines");
        assertSame("comparisons", "match");
        assertSame("saes", "match");
    }

    @Test
    void an_evaluation_whose_executor_is_killed_leaves_one_report() throws Exception {
        copy("activations", "eval");
        copy("saes", "eval");
        killed("eval", () -> true, "eval", sae, "--no-random-control");
        copy("activations", "near-eval");
        copy("saes", "near-eval");
        Work.done(new Cli(folder.resolve("near-eval")), "eval", sae, "--no-random-control");
        assertThat(report("eval")).isEqualTo(report("near-eval"));
        try (Stream<Path> all = Files.list(folder.resolve("eval/saes").resolve(sae))) {
            assertThat(all.map(f -> f.getFileName().toString())).noneMatch(n -> n.startsWith(".report.json"));
        }
        assertSame("saes", "eval");
    }

    /** A report card but for how long it took and when. */
    private static JsonNode report(String workspace) {
        ObjectNode report = (ObjectNode)
                Json.tree(folder.resolve(workspace).resolve("saes").resolve(sae).resolve("report.json"));
        return report.without(List.of("seconds", "created"));
    }
}
