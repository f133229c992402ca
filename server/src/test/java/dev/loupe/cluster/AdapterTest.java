package dev.loupe.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.LoupeException;
import dev.loupe.cli.Cli;
import dev.loupe.cluster.spark.Launch;
import dev.loupe.cluster.spark.PretendSpark;
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
    private static final List<String> GOOD = List.of("25.0.3", "4.2.0", "PROBE", "yes", Long.toString(8L << 30));

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
        Map<String, String> environment = new HashMap<>(spark.environment());
        environment.put("LOUPE_ON", "submitted");
        return new Cli(folder.resolve("far"), environment);
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
            assertThat(r.err()).contains("Spark 4.2.0 on submitted");
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
    }

    @Test
    void machines_that_cannot_do_the_work_are_refused_before_it_begins() throws Exception {
        try (PretendSpark spark = pretend(List.of("25.0.3", "4.2.0", "PROBE", "yes", "500000000"))) {
            Cli.Result r = far(spark).run(Work.capture(Work.text(folder), 1_500));
            assertThat(r.code()).isEqualTo(1);
            assertThat(r.err()).contains("of memory, but the largest executor has");
            assertThat(folder.resolve("far/activations/s")).doesNotExist();
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
                "finds no program loupe in the archive loupe.tar.gz",
                "25.0.3\n4.2.0\nprobe\nno");
        machines.forEach((sentence, lines) -> assertThatThrownBy(
                        () -> Machine.of("3\nnode7\n" + lines + "\n8000000000").check(options, "probe"))
                .isInstanceOf(LoupeException.class)
                .message()
                .containsIgnoringCase(sentence));
        Machine.of("3\nnode7\n25.1.0\n4.2.1\nprobe\nyes\n8000000000").check(options, "probe");
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
        assertThat(folder.resolve("far/activations/s")).doesNotExist();
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
