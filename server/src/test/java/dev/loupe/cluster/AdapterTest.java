package dev.loupe.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.ArtifactLock;
import dev.loupe.base.LoupeException;
import dev.loupe.cli.Cli;
import dev.loupe.cluster.spark.Launch;
import dev.loupe.cluster.spark.PretendSpark;
import dev.loupe.model.LanguageModels;
import dev.loupe.store.StoreManifest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Everything of a cluster but Spark: real child processes do the tasks of real commands, and some of them are killed. */
class AdapterTest {
    private static final List<String> GOOD =
            List.of("25.0.3", "4.2.0", "PROBE", "yes", Long.toString(8L << 30), "shared", "x with avx2");

    private static final String MORE = "\n8000000000\nshared\nx";

    private static final int TOKENS = 2_200;

    @TempDir
    Path folder;

    private PretendSpark pretend(List<String> machine) throws IOException {
        Launch launch = new Launch(
                "",
                System.getProperty("java.home"),
                Executors.jvm(),
                List.of("--workspace", folder.resolve("far").toString()));
        return new PretendSpark(launch, 2, machine);
    }

    private Cli far(PretendSpark spark) {
        return far(spark, "far");
    }

    private Cli far(PretendSpark spark, String workspace) {
        Map<String, String> environment = new HashMap<>(spark.environment());
        environment.put("LOUPE_ON", "submitted");
        return new Cli(folder.resolve(workspace), environment);
    }

    @Test
    void a_cluster_gives_the_bytes_of_one_machine_though_children_die() throws Exception {
        Cli local = new Cli(folder.resolve("near"));
        Path text = Work.text(folder);
        Work.done(local, Work.capture(text, TOKENS));
        Work.done(local, Work.seeds());
        Work.done(local, "index", Work.first(folder.resolve("near/saes")));
        String sae;
        try (PretendSpark spark = pretend(GOOD)) {
            spark.kill(1);
            Cli.Result r = Work.done(far(spark), Work.capture(text, TOKENS, "--json"));
            assertThat(r.json().path("shards").asInt(0)).isGreaterThan(1);
            assertThat(r.err())
                    .contains("Spark 4.2.0 on submitted")
                    .contains("An attempt on here failed (The process of the task ended with code 137")
                    .contains("Spark makes the task again");
            Work.done(far(spark), Work.seeds());
            sae = Work.first(folder.resolve("far/saes"));
            Work.done(far(spark), "index", sae);
        }
        for (String part : List.of("activations/s", "saes", "comparisons", "features/" + sae)) {
            assertThat(Work.checksums(folder.resolve("far").resolve(part)))
                    .as(part)
                    .isNotEmpty()
                    .isEqualTo(Work.checksums(folder.resolve("near").resolve(part)));
        }
        assertThat(hidden(folder.resolve("far"))).isEmpty();
        Cli.Result told =
                local.run("eval", sae, "--text", text(), "--on", "spark://127.0.0.1:1", "--storage", "hdfs://none/x");
        assertThat(told.code()).isEqualTo(2);
        assertThat(told.err()).contains("do not have the text " + text()).contains("--on local");
    }

    private String text() {
        return folder.resolve("text.jsonl").toString();
    }

    @Test
    void machines_that_cannot_do_the_work_are_refused_before_it_begins() throws Exception {
        List<String> small =
                List.of("25.0.3", "4.2.0", "PROBE", "yes", Long.toString(3L << 30), "contained", "x with avx2");
        try (PretendSpark spark = pretend(small)) { // one task would fit, two at once do not
            Cli.Result r = far(spark).run(Work.capture(Work.text(folder), 1_500));
            assertThat(r.code()).isEqualTo(1);
            assertThat(r.err())
                    .contains("of memory, but the largest executor (here) has 3.0 GiB for 2 tasks at once")
                    .contains("--conf spark.executor.memoryOverhead=")
                    .contains("--conf spark.task.cpus=N");
            assertThat(folder.resolve("far/activations/s")).doesNotExist();
            spark.settings(Map.of("spark.task.cpus", "2"));
            Work.done(far(spark), Work.capture(Work.text(folder), 1_500));
        }
        ClusterOptions options =
                new ClusterOptions("yarn", Map.of(), Path.of("loupe.tar.gz"), Path.of("/shared/ws"), "");
        Map<String, String> machines = Map.of(
                "executor 3 on node7 has Java 21.0.4 for Loupe, which needs a JDK 25",
                "21.0.4\n4.2.0\nprobe\nyes",
                "has Java 25.0.2 for Loupe",
                "25.0.2\n4.2.0\nprobe\nyes",
                "has no JDK for Loupe",
                "none\n4.2.0\nprobe\nyes",
                "runs Spark 4.1.1, but Loupe works with Spark 4.2",
                "25.0.3\n4.1.1\nprobe\nyes",
                "does not see the folder /shared/ws",
                "25.0.3\n4.2.0\n\nyes",
                "sees the folder /shared/ws, but may not write in it (as spark: AccessDeniedException)",
                "25.0.3\n4.2.0\n?as spark: AccessDeniedException\nyes",
                "finds no program loupe in the archive loupe.tar.gz",
                "25.0.3\n4.2.0\nprobe\nno",
                "does not see /models/m/config.json of the model: mount it there under the same path, or copy the model to"
                        + " /shared/ws/models",
                "25.0.3\n4.2.0\nprobe\nyes" + MORE + "\n/models/m/config.json",
                "has a Java 25.0.3 without a compiler (bin/javac)",
                "25.0.3 without javac\n4.2.0\nprobe\nyes");
        machines.forEach((sentence, lines) -> assertThatThrownBy(
                        () -> Machine.of("3\nnode7\n" + lines + (lines.contains(MORE) ? "" : MORE))
                                .check(options, "probe"))
                .isInstanceOf(LoupeException.class)
                .message()
                .containsIgnoringCase(sentence));
        Machine.of("3\nnode7\n25.1.0\n4.2.1\nprobe\nyes" + MORE).check(options, "probe");
    }

    @Test
    void a_control_is_made_on_the_cluster_and_a_text_is_indexed_here_which_is_told() throws Exception {
        String text = Work.text(folder).toString();
        try (PretendSpark spark = pretend(GOOD)) {
            Cli far = far(spark);
            Work.done(far, Work.capture(Work.text(folder), 1_500));
            Work.done(far, Work.train("a", "--tokens", "512"));
            int before = spark.titles().size();
            Work.done(far, "eval", "a", "--random-control");
            assertThat(spark.titles().subList(before, spark.titles().size()))
                    .contains("Evaluate a", "Capture shard 0 of s.random", "Train a.random", "Evaluate a.random");
            before = spark.titles().size();
            Cli.Result told = Work.done(far, "index", "a", "--text", text, "--tokens", "600");
            assertThat(told.err()).contains("indexed on this machine").contains("loupe capture, then --store");
            assertThat(spark.titles()).hasSize(before);
        }
    }

    @Test
    void a_model_by_its_path_is_absolute_for_others_looked_for_before_work_and_refused_where_nothing_is_shared()
            throws Exception {
        Path model = folder.resolve("outside/m");
        Work.copy(LanguageModels.builtin(folder.resolve("models")), model);
        String relative = Path.of("").toAbsolutePath().relativize(model).toString();
        Path quantized = Files.createDirectories(folder.resolve("outside/q"));
        Path gguf = Files.createFile(quantized.resolve("q.gguf"));
        assertThat(Executors.seen(quantized)).as("a folder without config.json").isEqualTo(quantized);
        assertThat(Executors.seen(gguf)).isEqualTo(gguf);
        try (PretendSpark spark = pretend(GOOD)) {
            Work.done(far(spark), Work.capture(Work.text(folder), 1_100, "--model", relative));
            assertThat(spark.needs()).isEqualTo(model.resolve("config.json").toString());
        }
        assertThat(StoreManifest.read(folder.resolve("far/activations/s"))
                        .content()
                        .model()
                        .id())
                .isEqualTo(model.toString());
        Cli.Result refused = new Cli(folder.resolve("near"))
                .run(Work.capture(
                        Work.text(folder),
                        1_100,
                        "--model",
                        model + "@fold_ln",
                        "--on",
                        "spark://127.0.0.1:1",
                        "--storage",
                        "hdfs://none/x"));
        assertThat(refused.code()).isEqualTo(2);
        assertThat(refused.err())
                .contains("share no folder with this one, so they do not have the model " + model + ":")
                .contains(folder.resolve("near/models").toString())
                .doesNotContain("No Spark master");
    }

    @Test
    void a_report_that_is_there_is_no_work_whatever_the_path_of_the_model() throws Exception {
        Path model = folder.resolve("outside/m");
        Work.copy(LanguageModels.builtin(folder.resolve("models")), model);
        String relative = Path.of("").toAbsolutePath().relativize(model).toString();
        Cli local = new Cli(folder.resolve("far"));
        Work.done(local, Work.capture(Work.text(folder), 1_500, "--model", relative));
        Work.done(local, Work.train("a", "--tokens", "512"));
        try (PretendSpark spark = pretend(GOOD)) {
            Cli.Result refused = far(spark).run("eval", "a");
            assertThat(refused.code()).isEqualTo(2);
            assertThat(refused.err())
                    .contains("names its model by a path from where its store was captured")
                    .contains("--on local");
            Work.done(local, "eval", "a");
            Work.done(far(spark), "eval", "a");
            assertThat(spark.titles()).isEmpty();
        }
    }

    @Test
    void a_master_that_is_not_there_and_a_name_that_is_none_are_refused_at_once() throws Exception {
        Cli cli = new Cli(folder.resolve("far"));
        Cli.Result none = cli.run(Work.capture(Work.text(folder), 1_500, "--on", "spark://127.0.0.1:1"));
        assertThat(none.code()).isEqualTo(1);
        assertThat(none.err()).contains("No Spark master answers at spark://127.0.0.1:1");
        Cli.Result wrong = cli.run(Work.capture(Work.text(folder), 1_500, "--on", "cloud"));
        assertThat(wrong.code()).isEqualTo(2);
        assertThat(wrong.err())
                .contains("--on is local or one of Spark's masters")
                .contains("cloud");
        Cli.Result conf =
                cli.run(Work.capture(Work.text(folder), 1_500, "--on", "spark://127.0.0.1:1", "--conf", "cores=3"));
        assertThat(conf.code()).isEqualTo(2);
        assertThat(conf.err()).contains("spark.NAME=VALUE");
        Cli.Result second = cli.run(Work.capture(
                Work.text(folder), 1_500, "--on", "spark://127.0.0.1:1", "--conf", "spark.a=b;c", "--conf", "cores=3"));
        assertThat(second.err()).contains("it is \"cores=3\"");
        assertThat(folder.resolve("far/activations/s")).doesNotExist();
    }

    @Test
    void a_bad_machine_that_joins_later_gets_no_work_and_the_others_go_on() throws Exception {
        try (PretendSpark spark = pretend(GOOD)) {
            spark.joins(List.of("25.0.3", "4.2.0", "", "yes", Long.toString(8L << 30), "shared", "x with avx512f"));
            Cli.Result r = Work.done(far(spark), Work.capture(Work.text(folder), TOKENS));
            assertThat(r.err())
                    .contains("Executor 1 on there does not see the folder")
                    .contains("That executor gets no work.");
            assertThat(spark.verdicts()).contains("Executor 1 on there does not see the folder");
        }
        try (PretendSpark spark = pretend(List.of("25.0.3", "4.2.0", "", "yes", "8000000000", "shared", "x"))) {
            Cli.Result r = far(spark, "alone").run(Work.capture(Work.text(folder), 1_500));
            assertThat(r.code()).isEqualTo(1);
            assertThat(r.err()).contains("Executor 0 on here does not see the folder");
        }
    }

    @Test
    void executors_are_waited_for_and_what_they_are_not_needed_for_is_not() throws Exception {
        try (PretendSpark spark = pretend(GOOD)) {
            Cli.Result another = far(spark).run(Work.capture(Work.text(folder), 1_500, "--on", "spark://h:7077"));
            assertThat(another.code()).isEqualTo(2);
            assertThat(another.err()).contains("Below spark-submit").contains("leave out --on spark://h:7077");
            spark.executors(false);
            spark.settings(Map.of(
                    "spark.loupe.wait", "1s",
                    "spark.master", "spark://h:7077",
                    "spark.executor.memory", "3g"));
            Cli.Result r = far(spark).run(Work.capture(Work.text(folder), 1_500));
            assertThat(r.code()).isEqualTo(1);
            assertThat(r.err())
                    .contains("Spark gave no executor: the workers of spark://h:7077 are busy")
                    .contains("3g of memory")
                    .contains("Given up after 1s (spark.loupe.wait)");
            spark.settings(Map.of(
                    "spark.loupe.wait", "1s",
                    "spark.master", "k8s://https://h:6443",
                    "spark.kubernetes.namespace", "lab"));
            assertThat(far(spark).run(Work.capture(Work.text(folder), 1_500)).err())
                    .contains("Spark gave no executor: Kubernetes has not started their pods; kubectl -n lab describe");
            // who writes the output already is found out without one
            Path store = folder.resolve("far/activations/s");
            try (ArtifactLock held = ArtifactLock.acquire(store, "capturing s")) {
                spark.settings(Map.of("spark.loupe.wait", "1h"));
                Cli.Result second = far(spark).run(Work.capture(Work.text(folder), 1_500));
                assertThat(second.err()).contains("Another process is writing " + store);
            }
        }
    }

    /** What attempts left behind. */
    private static List<String> hidden(Path workspace) throws IOException {
        try (var all = Files.walk(workspace)) {
            return all.map(p -> p.getFileName().toString())
                    .filter(n -> n.contains(".tmp-") || n.startsWith(".probe") || n.endsWith(".codes"))
                    .toList();
        }
    }
}
