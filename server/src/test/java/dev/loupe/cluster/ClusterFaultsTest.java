package dev.loupe.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.base.Progress;
import dev.loupe.base.Task;
import dev.loupe.base.TaskExecutor;
import dev.loupe.capture.CaptureJob;
import dev.loupe.capture.CaptureRequest;
import dev.loupe.capture.CaptureRules;
import dev.loupe.capture.CaptureShardTask;
import dev.loupe.cli.Cli;
import dev.loupe.cli.SmallWorkspace;
import dev.loupe.service.Settings;
import dev.loupe.service.Workbench;
import dev.loupe.service.Workspace;
import dev.loupe.store.ShardFiles;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What may go wrong on a real cluster of a master and two workers: the store has the bytes of a local capture all the same. */
@Tag("cluster")
class ClusterFaultsTest {
    private static final int TOKENS = 12_000;

    @TempDir
    static Path folder;

    private static SmallCluster cluster;
    private static Path text;
    private static Map<String, String> wanted;

    @BeforeAll
    static void start() throws Exception {
        text = Work.text(folder);
        cluster = SmallCluster.start(folder.resolve("cluster"), 2);
        Cli local = new Cli(folder.resolve("near"));
        Work.done(local, Work.capture(text, TOKENS));
        wanted = Work.checksums(folder.resolve("near/activations/s"));
        assertThat(wanted).hasSizeGreaterThan(20);
    }

    @AfterAll
    static void stop() throws InterruptedException {
        if (cluster != null) {
            cluster.close();
        }
    }

    private static String[] capture(String... more) {
        List<String> where = new ArrayList<>(List.of("--on", cluster.master(), "--conf", "spark.ui.enabled=false"));
        where.addAll(List.of(more));
        return Work.capture(text, TOKENS, where.toArray(String[]::new));
    }

    private static Process command(String workspace, Path log, String... arguments) throws IOException {
        return new Cli(folder.resolve(workspace)).start(log, Map.copyOf(SmallCluster.LOOPBACK), arguments);
    }

    private static void assertSame(String workspace) throws IOException {
        assertThat(Work.checksums(folder.resolve(workspace).resolve("activations/s")))
                .isEqualTo(wanted);
        try (Stream<Path> stores = Files.list(folder.resolve(workspace).resolve("activations"))) {
            assertThat(stores.map(p -> p.getFileName().toString()).filter(n -> !n.endsWith(".lock")))
                    .containsExactly("s");
        }
    }

    @Test
    void an_executor_that_is_killed_in_the_middle_of_a_task_costs_nothing_but_time() throws Exception {
        Path log = folder.resolve("killed.log");
        Process driver = command("killed", log, capture());
        try {
            Faults.waitFor(driver, log, () -> Faults.shards(folder.resolve("killed")) > 0);
            ProcessHandle executor = Faults.executors().findFirst().orElseThrow();
            List<ProcessHandle> children = executor.descendants().toList();
            assertThat(children).isNotEmpty();
            executor.destroyForcibly();
            assertThat(driver.waitFor(Faults.PATIENCE_SECONDS, TimeUnit.SECONDS))
                    .isTrue();
            assertThat(driver.exitValue()).as(Files.readString(log)).isZero();
            assertThat(Files.readString(log)).contains("Spark lost executor");
            for (ProcessHandle child : children) { // they notice that nobody waits for them
                child.onExit().get(30, TimeUnit.SECONDS);
            }
        } finally {
            driver.destroyForcibly().waitFor();
        }
        assertSame("killed");
    }

    @Test
    void a_driver_that_is_killed_goes_on_and_a_second_one_is_told_of_the_first() throws Exception {
        Path log = folder.resolve("driver.log");
        Process driver = command("driver", log, capture());
        try {
            Faults.waitFor(driver, log, () -> Faults.commits(folder.resolve("driver")) > 0);
            Faults.signal(driver.pid(), "STOP"); // or it may be done before the second one looks
            Path second = folder.resolve("second.log");
            Process other = command("driver", second, capture());
            assertThat(other.waitFor(Faults.PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
            assertThat(other.exitValue()).isEqualTo(1);
            assertThat(Files.readString(second))
                    .contains("Another process is writing")
                    .contains("process " + driver.pid());
        } finally {
            driver.destroyForcibly().waitFor();
        }
        Map<String, FileTime> kept = committed(folder.resolve("driver/activations/.s.partial"));
        assertThat(folder.resolve("driver/activations/s")).doesNotExist();
        Path again = folder.resolve("again.log");
        Process resumed = command("driver", again, capture("--resume"));
        assertThat(resumed.waitFor(Faults.PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
        assertThat(resumed.exitValue()).as(Files.readString(again)).isZero();
        assertThat(Files.readString(again)).contains("Continuing an interrupted capture");
        assertThat(kept).isNotEmpty();
        for (Map.Entry<String, FileTime> shard : kept.entrySet()) {
            assertThat(Files.getLastModifiedTime(
                            folder.resolve("driver/activations/s").resolve(shard.getKey())))
                    .as("%s was finished before the driver died", shard.getKey())
                    .isEqualTo(shard.getValue());
        }
        assertSame("driver");
    }

    /** Activations of the shards that a killed driver had finished, with when they were written. */
    private static Map<String, FileTime> committed(Path partial) throws IOException {
        Map<String, FileTime> all = new TreeMap<>();
        try (Stream<Path> files = Files.list(partial)) {
            for (Path commit : files.toList()) {
                String name = commit.getFileName().toString();
                if (name.matches("commit-\\d+\\.json")) {
                    String shard = SmallWorkspace.HOOK + "/"
                            + name.replace("commit", "shard").replace(".json", ".arrow");
                    all.put(shard, Files.getLastModifiedTime(partial.resolve(shard)));
                }
            }
        }
        return all;
    }

    @Test
    void a_shard_that_is_damaged_after_it_was_written_is_made_again() throws Exception {
        Map<Settings.Key, String> flags = Map.of(
                Settings.Key.WORKSPACE,
                folder.resolve("damaged").toString(),
                Settings.Key.ON,
                cluster.master(),
                Settings.Key.SPARK_CONF,
                "spark.driver.host=127.0.0.1;spark.driver.bindAddress=127.0.0.1;spark.ui.enabled=false");
        List<String> said = new ArrayList<>();
        Progress progress = new Progress() {
            @Override
            public void stage(String name, long total, String unit) {}

            @Override
            public void advance(long done) {}

            @Override
            public synchronized void message(String message) {
                said.add(message);
            }
        };
        Workspace workspace = Workspace.create(folder.resolve("damaged"));
        try (Workbench bench = new Workbench(workspace, Settings.load(flags, Map.of()))) {
            CaptureRequest request = CaptureRequest.of(
                            "s",
                            workspace.activations(),
                            "builtin",
                            text.toString(),
                            List.of(SmallWorkspace.HOOK),
                            TOKENS)
                    .withHeldOut("0.2")
                    .withRules(CaptureRules.NONE.withShardRows(1024));
            CaptureJob.run(
                    request,
                    bench.models().open("builtin"),
                    new Damaging(bench.executors().get(progress)),
                    progress);
        }
        assertThat(said).anyMatch(m -> m.contains("damaged") && m.contains("made again"));
        assertSame("damaged");
    }

    /** A cluster whose third result is damaged on disk before the driver takes it. */
    private record Damaging(TaskExecutor real) implements TaskExecutor {
        @Override
        public <T extends Task<R>, R> void run(
                Iterator<T> tasks, Class<R> results, Work<T, R> here, BiConsumer<T, R> done, Progress progress) {
            int[] taken = {0};
            real.run(
                    tasks,
                    results,
                    here,
                    (task, result) -> {
                        if (taken[0]++ == 2) {
                            damage((CaptureShardTask) task, (ShardFiles) result);
                        }
                        done.accept(task, result);
                    },
                    progress);
        }

        private static void damage(CaptureShardTask task, ShardFiles made) {
            try {
                Path file = task.store()
                        .resolveSibling(".s.partial")
                        .resolve(made.files().get(SmallWorkspace.HOOK).file());
                byte[] bytes = Files.readAllBytes(file);
                bytes[bytes.length / 2] ^= 8;
                Files.write(file, bytes);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        @Override
        public boolean remote() {
            return true;
        }

        @Override
        public int slots() {
            return real.slots();
        }
    }

    @Test
    void a_worker_whose_storage_is_full_leaves_the_work_to_the_others() throws Exception {
        // the system refuses longer files to this worker and all that it starts
        try (SmallCluster uneven = SmallCluster.start(folder.resolve("uneven"), 1)) {
            uneven.worker("full", Map.of("LOUPE_FILE_LIMIT", "600"));
            Path log = folder.resolve("full.log");
            Process driver = command(
                    "full",
                    log,
                    Work.capture(text, TOKENS, "--on", uneven.master(), "--conf", "spark.ui.enabled=false"));
            try {
                assertThat(driver.waitFor(Faults.PATIENCE_SECONDS, TimeUnit.SECONDS))
                        .isTrue();
            } finally {
                driver.destroyForcibly().waitFor();
            }
            assertThat(driver.exitValue()).as(Files.readString(log)).isZero();
            assertThat(Faults.sparkLog(folder.resolve("full"))).contains("File too large");
            assertThat(Files.readString(log))
                    .as("what the command printed")
                    .containsPattern(
                            "An attempt on 127\\.0\\.0\\.1 failed \\([^\n]*File too large[^\n]*\\): Spark makes the"
                                    + " task again");
        }
        assertSame("full");
    }
}
