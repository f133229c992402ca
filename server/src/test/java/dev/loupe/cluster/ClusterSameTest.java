package dev.loupe.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.base.Json;
import dev.loupe.cli.Cli;
import dev.loupe.fixtures.ProjectRoot;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A real cluster of a master and two workers gives the bytes of one machine, for every kind of work: over a folder that all
 * see, and over a Hadoop file system where nobody sees a folder of another.
 */
@Tag("cluster")
class ClusterSameTest {
    private static final int TOKENS = 3_500;
    private static final List<String> PARTS = List.of("activations/s", "saes", "comparisons", "features/SAE");

    @TempDir
    static Path folder;

    private static SmallCluster cluster;
    private static Path text;
    private static String sae;

    @BeforeAll
    static void start() throws Exception {
        text = Work.text(folder);
        cluster = SmallCluster.start(folder.resolve("cluster"), 2);
        Cli local = new Cli(folder.resolve("near"));
        Work.done(local, Work.capture(text, TOKENS));
        Work.done(local, Work.seeds());
        sae = Work.first(folder.resolve("near/saes"));
        Work.done(local, "index", sae);
        Work.done(local, "eval", sae, "--no-random-control");
    }

    @AfterAll
    static void stop() throws InterruptedException {
        if (cluster != null) {
            cluster.close();
        }
    }

    private static Cli cli(String workspace) {
        return new Cli(folder.resolve(workspace), Map.copyOf(SmallCluster.LOOPBACK));
    }

    private static String[] on(String[] command, String... more) {
        List<String> all = new ArrayList<>(List.of(command));
        all.addAll(List.of("--on", cluster.master(), "--conf", "spark.ui.enabled=false"));
        all.addAll(List.of(more));
        return all.toArray(String[]::new);
    }

    private static String[] command(String... words) {
        return words;
    }

    private static void assertSame(String workspace) throws IOException {
        for (String part : PARTS) {
            String p = part.replace("SAE", sae);
            Map<String, String> wanted = Work.checksums(folder.resolve("near").resolve(p));
            assertThat(wanted).as(p).isNotEmpty();
            if (part.equals("saes")) {
                assertThat(wanted).containsKey(sae + "/steps/step-4/sae_weights.safetensors");
            }
            assertThat(Work.checksums(folder.resolve(workspace).resolve(p)))
                    .as(p)
                    .isEqualTo(wanted);
        }
        assertThat(report(workspace)).isEqualTo(report("near"));
    }

    /** A report card but for how long it took and when. */
    private static JsonNode report(String workspace) {
        return report(workspace, sae);
    }

    private static JsonNode report(String workspace, String of) {
        ObjectNode report = (ObjectNode)
                Json.tree(folder.resolve(workspace).resolve("saes").resolve(of).resolve("report.json"));
        assertThat(report.path("saeChecksum").isMissingNode()
                        && report.path("sae_checksum").isMissingNode())
                .isFalse();
        return report.without(List.of("seconds", "created"));
    }

    @Test
    void capture_training_matching_index_and_evaluation_have_the_bytes_of_one_machine() throws Exception {
        Cli far = cli("far");
        Work.done(far, on(Work.capture(text, TOKENS)));
        Work.done(far, on(Work.seeds()));
        Work.done(far, on(command("index", sae)));
        Work.done(far, on(command("eval", sae, "--no-random-control")));
        assertSame("far");
    }

    @Test
    void one_worker_and_three_give_the_same_bytes() throws Exception {
        try (SmallCluster other = SmallCluster.start(folder.resolve("one"), 1)) {
            for (int workers : new int[] {1, 3}) {
                for (int w = 1; w < workers; w++) {
                    other.worker("more" + w, Map.of());
                }
                String workspace = "of-" + workers;
                String[] where = {"--on", other.master(), "--conf", "spark.ui.enabled=false"};
                Cli far = cli(workspace);
                Work.done(far, Work.capture(text, TOKENS, where));
                Work.copy(
                        folder.resolve("near/saes").resolve(sae),
                        folder.resolve(workspace).resolve("saes").resolve(sae));
                Work.done(far, Work.with(List.of("index", sae), where));
                for (String part : List.of("activations/s", "features/" + sae)) {
                    assertThat(Work.checksums(folder.resolve(workspace).resolve(part)))
                            .as("%s on %d", part, workers)
                            .isNotEmpty()
                            .isEqualTo(Work.checksums(folder.resolve("near").resolve(part)));
                }
            }
        }
    }

    @Test
    void a_control_on_a_random_model_has_the_bytes_of_one_machine() throws Exception {
        for (String workspace : List.of("control", "control-far")) {
            for (String part : List.of("activations/s", "saes/" + sae)) {
                Work.copy(
                        folder.resolve("near").resolve(part),
                        folder.resolve(workspace).resolve(part));
            }
        }
        Work.done(new Cli(folder.resolve("control")), "eval", sae, "--random-control");
        Work.done(cli("control-far"), on(command("eval", sae, "--random-control")));
        for (String part : List.of("activations/s.random", "saes/" + sae + ".random")) {
            assertThat(Work.checksums(folder.resolve("control-far").resolve(part)))
                    .as(part)
                    .isNotEmpty()
                    .isEqualTo(Work.checksums(folder.resolve("control").resolve(part)));
        }
        assertThat(report("control-far", sae + ".random")).isEqualTo(report("control", sae + ".random"));
    }

    @Test
    void the_first_command_of_the_readme_works_as_it_stands() throws Exception {
        String block = Files.readString(ProjectRoot.resolve("README.md"))
                .split("## On a cluster", 2)[1]
                .split("```")[1];
        String[] command = block.lines()
                .filter(l -> l.startsWith("./loupe "))
                .findFirst()
                .orElseThrow()
                .substring("./loupe ".length())
                .replace("'", "")
                .split(" +");
        assertThat(command).contains("--on", "local-cluster[2,1,2048]");
        Work.done(cli("readme"), command);
        List<String> here = new ArrayList<>(List.of(command));
        here.set(here.indexOf("--on") + 1, "local");
        Work.done(new Cli(folder.resolve("readme-here")), here.toArray(String[]::new));
        assertThat(Work.checksums(folder.resolve("readme/activations/try")))
                .hasSizeGreaterThan(5)
                .isEqualTo(Work.checksums(folder.resolve("readme-here/activations/try")));
    }

    @Test
    void wide_saes_are_matched_in_blocks_of_cosines_and_have_the_bytes_of_one_machine() throws Exception {
        for (String workspace : List.of("wide", "wide-far")) {
            Work.copy(
                    folder.resolve("near/activations/s"),
                    folder.resolve(workspace).resolve("activations/s"));
        }
        Work.done(new Cli(folder.resolve("wide")), Work.wideSeeds());
        Cli far = cli("wide-far");
        Cli.Result r = Work.done(far, on(Work.wideSeeds()));
        assertThat(r.err()).contains("decoders of ").contains("encoders of ").contains(": cosines");
        for (String part : List.of("saes", "comparisons")) {
            assertThat(Work.checksums(folder.resolve("wide-far").resolve(part)))
                    .as(part)
                    .isNotEmpty()
                    .isEqualTo(Work.checksums(folder.resolve("wide").resolve(part)));
        }
    }

    @Test
    void an_archive_and_a_workspace_with_awkward_names_do_and_sparks_own_page_can_be_opened_meanwhile()
            throws Exception {
        Path archive = Work.archive(folder.resolve("my work, #2 [a]"), "loupe, #1 {x}.tar.gz");
        Path log = folder.resolve("awkward.log");
        String workspace = "my work, #2 [a]/ws";
        Process process = new Cli(folder.resolve(workspace))
                .start(
                        log,
                        SmallCluster.LOOPBACK,
                        Work.capture(text, TOKENS, "--on", cluster.master(), "--archives", archive.toString()));
        try {
            String page = page(process, log);
            HttpResponse<String> answer;
            try (HttpClient client = HttpClient.newBuilder()
                    .followRedirects(HttpClient.Redirect.NORMAL)
                    .build()) {
                answer = client.send(
                        HttpRequest.newBuilder(URI.create(page)).build(), HttpResponse.BodyHandlers.ofString());
            }
            assertThat(process.isAlive()).isTrue();
            assertThat(answer.statusCode()).isEqualTo(200);
            assertThat(answer.body()).contains("Loupe").contains("Spark Jobs");
            assertThat(process.waitFor(5, TimeUnit.MINUTES)).isTrue();
            assertThat(process.exitValue()).as(Files.readString(log)).isZero();
        } finally {
            process.destroyForcibly().waitFor();
        }
        assertThat(Work.checksums(folder.resolve(workspace).resolve("activations/s")))
                .isEqualTo(Work.checksums(folder.resolve("near/activations/s")));
    }

    /** The address of Spark's own page, as the command says it. */
    private static String page(Process process, Path log) throws Exception {
        Pattern link = Pattern.compile("its own page: (http://\\S+)");
        while (true) {
            boolean ended = !process.isAlive();
            Matcher found = link.matcher(Files.readString(log));
            if (found.find()) {
                return found.group(1);
            }
            assertThat(ended).as(Files.readString(log)).isFalse();
            Thread.sleep(20);
        }
    }

    @Test
    void over_a_hadoop_file_system_it_is_the_same_and_another_machine_finds_it_there() throws Exception {
        Path store = Files.createDirectories(folder.resolve("hadoop"));
        Path scratch = folder.resolve("scratch");
        String[] storage = {
            "--storage",
            "viewfs://loupe/data/ws",
            "--conf",
            "spark.hadoop.fs.viewfs.mounttable.loupe.link./data=" + store.toUri(),
            "--conf",
            "spark.executorEnv.LOUPE_SCRATCH=" + scratch
        };
        Work.done(cli("first"), on(Work.capture(text, TOKENS), storage));
        assertThat(store.resolve("ws/activations/s/store.json"))
                .hasSameBinaryContentAs(folder.resolve("near/activations/s/store.json"));
        Cli second = cli("second"); // knows the storage only
        Work.done(second, on(Work.seeds(), storage));
        Work.done(second, on(command("index", sae), storage));
        Work.done(second, on(command("eval", sae, "--no-random-control"), storage));
        assertSame("second");
        Cli third = cli("third");
        Cli.Result there = Work.done(third, on(command("index", sae), storage));
        assertThat(there.err()).contains(sae + " comes from viewfs://loupe/data/ws");
        try (Stream<Path> all = Files.list(store.resolve("ws"))) {
            assertThat(all.map(p -> p.getFileName().toString()))
                    .as("of drivers nothing is left in the storage")
                    .containsExactlyInAnyOrder("activations", "saes", "comparisons", "features");
        }
        assertThat(leftIn(scratch)).isEmpty();
    }

    /** Files on machines beside the folders that they fetched and the notes on them. */
    static List<String> leftIn(Path scratch) throws IOException {
        try (Stream<Path> storages = Files.list(scratch)) {
            Path own = storages.findFirst().orElseThrow();
            try (Stream<Path> all = Files.walk(own)) {
                return all.filter(Files::isRegularFile)
                        .map(p -> own.relativize(p).toString())
                        .filter(
                                n -> !n.matches(
                                        "(activations|saes|features|comparisons|models)/([^./][^/]*/.*|\\..+\\.(from|fetch|lock))"))
                        .filter(n -> !n.equals(".uses/.lock") && !n.startsWith("logs/"))
                        .toList();
            }
        }
    }

    @Test
    void a_file_system_without_classes_is_told_before_any_work() throws Exception {
        Cli.Result r = cli("without").run(on(Work.capture(text, TOKENS), "--storage", "s3a://bucket/loupe"));
        assertThat(r.code()).isEqualTo(1);
        assertThat(r.err())
                .contains("Spark has no classes for s3a://")
                .contains("spark.jars.packages=org.apache.hadoop:hadoop-aws:");
        assertThat(folder.resolve("without/activations/s")).doesNotExist();
        Cli.Result none = cli("without").run(on(Work.capture(text, TOKENS), "--storage", "bucket"));
        assertThat(none.code()).isEqualTo(2);
        assertThat(none.err()).contains("--storage is a folder of a Hadoop file system");
    }
}
