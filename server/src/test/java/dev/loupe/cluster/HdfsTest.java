package dev.loupe.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.cli.Cli;
import dev.loupe.cluster.spark.HdfsChecks;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A Spark cluster whose machines share nothing but an HDFS, with its own namenode and datanode. */
@Tag("cluster")
class HdfsTest {
    private static final int TOKENS = 3_500;

    @TempDir
    static Path folder;

    private static SmallCluster cluster;
    private static MiniHdfs hdfs;
    private static Path text;

    @BeforeAll
    static void start() throws Exception {
        text = Work.text(folder);
        hdfs = MiniHdfs.start(folder.resolve("hdfs"));
        cluster = SmallCluster.start(folder.resolve("cluster"), 2);
    }

    @AfterAll
    static void stop() throws InterruptedException {
        if (cluster != null) {
            cluster.close();
        }
        if (hdfs != null) {
            hdfs.close();
        }
    }

    private static String[] on(String[] command, String storage) {
        List<String> all = new ArrayList<>(List.of(command));
        all.addAll(List.of(
                "--on",
                cluster.master(),
                "--conf",
                "spark.ui.enabled=false",
                "--storage",
                hdfs.address(storage),
                "--conf",
                "spark.executorEnv.LOUPE_SCRATCH=" + folder.resolve("scratch-" + storage)));
        return all.toArray(String[]::new);
    }

    private static Cli cli(String workspace) {
        return new Cli(folder.resolve(workspace), SmallCluster.LOOPBACK);
    }

    @Test
    void capture_sweep_and_index_have_the_bytes_of_one_machine() throws Exception {
        Cli near = new Cli(folder.resolve("near"));
        Work.done(near, Work.capture(text, TOKENS));
        Work.done(near, Work.sweep(folder));
        String sae = Work.first(folder.resolve("near/saes"));
        Work.done(near, "index", sae);
        Work.done(cli("first"), on(Work.capture(text, TOKENS), "same"));
        Work.done(cli("second"), on(Work.sweep(folder), "same")); // knows nothing but the storage
        Work.done(cli("third"), on(new String[] {"index", sae}, "same"));
        Map<String, String> by = Map.of("activations/s", "first", "saes", "second", "features/" + sae, "third");
        for (Map.Entry<String, String> part : by.entrySet()) {
            assertThat(Work.checksums(folder.resolve(part.getValue()).resolve(part.getKey())))
                    .as(part.getKey())
                    .isNotEmpty()
                    .isEqualTo(Work.checksums(folder.resolve("near").resolve(part.getKey())));
        }
        assertThat(ClusterSameTest.leftIn(folder.resolve("scratch-same"))).isEmpty();
    }

    @Test
    void of_two_drivers_that_begin_on_an_empty_storage_the_second_is_told_of_the_first() throws Exception {
        Path log = folder.resolve("owner.log");
        String[] capture = on(Work.capture(text, 12_000, "--conf", "spark.cores.max=1"), "both"); // room for two
        Process first = cli("owner").start(log, SmallCluster.LOOPBACK, capture);
        try {
            Path partial = folder.resolve("owner/activations/.s.partial");
            while (Files.notExists(partial)) {
                assertThat(first.isAlive()).as(Files.readString(log)).isTrue();
                Thread.sleep(20);
            }
            pause(first, "STOP"); // or it may be done before the second one looks
            Cli.Result second = cli("other").run(capture);
            assertThat(second.code()).isEqualTo(1);
            assertThat(second.err())
                    .contains("Another process is writing activations/s in " + hdfs.address("both"))
                    .contains("process " + first.pid() + " on ");
            assertThat(folder.resolve("other/activations/s")).doesNotExist();
        } finally {
            first.destroyForcibly().waitFor();
        }
        // whose process is dead has nothing any more
        Work.done(cli("other"), on(Work.capture(text, TOKENS), "both"));
    }

    private static void pause(Process process, String signal) throws Exception {
        Process kill = new ProcessBuilder("kill", "-" + signal, Long.toString(process.pid())).start();
        assertThat(kill.waitFor(10, TimeUnit.SECONDS)).isTrue();
        assertThat(kill.exitValue()).isZero();
    }

    @Test
    void its_promises_are_those_that_drivers_rely_on() throws Exception {
        HdfsChecks.oneOwnerOfEachName(hdfs.address("names"));
        HdfsChecks.noGapWhileAFileIsWrittenAnew(hdfs.address("notes"));
        HdfsChecks.theRightsOfOthersAreKept(hdfs.address("rights"), "stranger");
    }
}
