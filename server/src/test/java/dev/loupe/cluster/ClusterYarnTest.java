package dev.loupe.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.base.Progress;
import dev.loupe.cli.Cli;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A real YARN, with a real HDFS for the files of applications, gives the bytes of one machine, whatever dies. */
@Tag("cluster")
class ClusterYarnTest {
    private static final int TOKENS = 3_500;
    private static final int MORE_TOKENS = 12_000;

    @TempDir
    static Path folder;

    private static MiniHdfs hdfs;
    private static MiniYarn yarn;
    private static Path text;
    private static Map<String, String> environment;

    @BeforeAll
    static void start() throws Exception {
        text = Work.text(folder);
        hdfs = MiniHdfs.start(folder.resolve("hdfs"));
        yarn = MiniYarn.start(folder.resolve("yarn"), hdfs.address(""));
        environment = new HashMap<>(SmallCluster.LOOPBACK);
        environment.put("HADOOP_CONF_DIR", yarn.settings().toString());
    }

    @AfterAll
    static void stop() throws InterruptedException {
        if (yarn != null) {
            yarn.close();
        }
        if (hdfs != null) {
            hdfs.close();
        }
    }

    /** Of an application that has ended nothing is left: no container, and none of its files. */
    @AfterEach
    void nothingRuns() throws Exception {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (yarn.containers() != 0 && System.nanoTime() < end) {
            Thread.sleep(200);
        }
        assertThat(yarn.containers()).isZero();
    }

    private static Cli cli(String workspace) {
        return new Cli(folder.resolve(workspace), environment);
    }

    private static String[] on(String[] command, String... more) {
        List<String> all = new ArrayList<>(List.of(command));
        all.addAll(List.of("--on", "yarn", "--conf", "spark.ui.enabled=false"));
        all.addAll(List.of(more));
        return all.toArray(String[]::new);
    }

    /** The same where nodes have Spark's jars already, which saves a quarter of a gigabyte on its way into HDFS and back. */
    private static String[] there(String... command) {
        SparkHome spark = SparkHome.find(environment, "yarn", Progress.silent());
        return on(command, "--conf", "spark.yarn.jars=local:" + spark.folder().resolve("jars") + "/*");
    }

    private static void assertSame(String part, String workspace, String wanted) throws IOException {
        assertThat(Work.checksums(folder.resolve(workspace).resolve(part)))
                .as(part)
                .isNotEmpty()
                .isEqualTo(Work.checksums(folder.resolve(wanted).resolve(part)));
    }

    @Test
    void capture_sweep_and_index_have_the_bytes_of_one_machine() throws Exception {
        Cli near = new Cli(folder.resolve("near"));
        Work.done(near, Work.capture(text, TOKENS));
        Work.done(near, Work.sweep(folder));
        String sae = Work.first(folder.resolve("near/saes"));
        Work.done(near, "index", sae);
        Cli.Result captured = Work.done(cli("far"), on(Work.capture(text, TOKENS)));
        assertThat(captured.err()).contains("Spark 4.2.0 on yarn");
        Work.done(cli("far"), on(Work.sweep(folder)));
        Work.done(cli("far"), on(new String[] {"index", sae}));
        for (String part : List.of("activations/s", "saes", "features/" + sae)) {
            assertSame(part, "far", "near");
        }
        assertThat(yarn.ends()).contains("SUCCEEDED");
    }

    @Test
    void an_archive_and_a_storage_do_where_machines_share_nothing() throws Exception {
        Path archive = Work.archive(folder.resolve("release"), "loupe.tar.gz");
        Work.done(new Cli(folder.resolve("near-archive")), Work.capture(text, TOKENS));
        Work.done(
                cli("archive"),
                there(Work.capture(
                        text,
                        TOKENS,
                        "--archives",
                        archive.toString(),
                        "--storage",
                        hdfs.address("ws"),
                        "--conf",
                        "spark.executorEnv.LOUPE_SCRATCH=" + folder.resolve("scratch"))));
        assertSame("activations/s", "archive", "near-archive");
        assertThat(ClusterSameTest.leftIn(folder.resolve("scratch"))).isEmpty();
    }

    @Test
    void an_application_that_is_killed_is_told_in_a_sentence_and_goes_on() throws Exception {
        Work.done(new Cli(folder.resolve("near-ended")), Work.capture(text, MORE_TOKENS));
        Path log = folder.resolve("ended.log");
        Process driver = cli("ended").start(log, environment, there(Work.capture(text, MORE_TOKENS)));
        try {
            Faults.waitFor(driver, log, () -> Faults.commits(folder.resolve("ended")) > 0);
            yarn.kill();
            assertThat(driver.waitFor(60, TimeUnit.SECONDS)).isTrue();
            assertThat(driver.exitValue()).isEqualTo(1);
            assertThat(Files.readString(log))
                    .contains("Spark at yarn cannot be used (YARN has ended the application: ")
                    .contains("killed")
                    .contains("Finished parts are kept");
        } finally {
            driver.destroyForcibly().waitFor();
        }
        Cli.Result again = Work.done(cli("ended"), there(Work.capture(text, MORE_TOKENS)));
        assertThat(again.err()).contains("Continuing an interrupted capture");
        assertSame("activations/s", "ended", "near-ended");
    }

    @Test
    void a_container_and_then_the_whole_driver_are_killed_and_the_bytes_are_the_same() throws Exception {
        Work.done(new Cli(folder.resolve("near-killed")), Work.capture(text, MORE_TOKENS));
        Path log = folder.resolve("killed.log");
        Process driver = cli("killed").start(log, environment, there(Work.capture(text, MORE_TOKENS)));
        try {
            Faults.waitFor(driver, log, () -> Faults.shards(folder.resolve("killed")) > 0);
            ProcessHandle executor = yarn.executors().findFirst().orElseThrow();
            List<ProcessHandle> children = executor.descendants().toList();
            assertThat(children).isNotEmpty();
            executor.destroyForcibly();
            for (ProcessHandle child : children) {
                child.onExit().get(30, TimeUnit.SECONDS);
            }
            int commits = Faults.commits(folder.resolve("killed"));
            Faults.waitFor(driver, log, () -> Faults.commits(folder.resolve("killed")) > commits);
            assertThat(Files.readString(log)).contains("Spark lost executor");
        } finally {
            Faults.killAll(driver); // as a machine dies that has the command and Spark's driver
        }
        int kept = Faults.commits(folder.resolve("killed"));
        assertThat(kept).isPositive();
        nothingRuns(); // the application notices by itself
        Path again = folder.resolve("again.log");
        Process resumed = cli("killed").start(again, environment, there(Work.capture(text, MORE_TOKENS, "--resume")));
        Faults.done(resumed, again);
        assertThat(Files.readString(again)).contains("Continuing an interrupted capture");
        assertSame("activations/s", "killed", "near-killed");
        try (Stream<Path> stores = Files.list(folder.resolve("killed/activations"))) {
            assertThat(stores.map(p -> p.getFileName().toString()).filter(n -> !n.endsWith(".lock")))
                    .containsExactly("s");
        }
    }
}
