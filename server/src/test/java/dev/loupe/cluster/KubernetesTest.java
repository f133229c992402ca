package dev.loupe.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.cli.Cli;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/**
 * Spark's own backend for Kubernetes against an API server and a machine of this test: pods give the bytes of one machine, over
 * a mounted folder and over a Hadoop file system, and none is left when a command has ended.
 */
@Tag("cluster")
class KubernetesTest {
    private static final int TOKENS = 3_500;

    @TempDir
    static Path folder;

    private static SmallPods pods;
    private static Path text;
    private static String sae;

    @BeforeAll
    static void start() throws Exception {
        pods = SmallPods.start(folder.resolve("pods"));
        text = Work.text(folder);
        Cli near = new Cli(folder.resolve("near"));
        Work.done(near, Work.capture(text, TOKENS));
        Work.done(near, Work.sweep(folder));
        sae = Work.first(folder.resolve("near/saes"));
        Work.done(near, "index", sae);
    }

    @AfterAll
    static void stop() throws Exception {
        if (pods != null) {
            pods.close();
        }
    }

    @AfterEach
    void nothingIsLeft() throws Exception {
        pods.assertGone();
    }

    private static Cli cli(String workspace) {
        return new Cli(folder.resolve(workspace), Map.copyOf(SmallCluster.LOOPBACK));
    }

    private static void assertSame(String part, String workspace) throws Exception {
        Map<String, String> wanted = Work.checksums(folder.resolve("near").resolve(part));
        assertThat(wanted).isNotEmpty();
        assertThat(Work.checksums(folder.resolve(workspace).resolve(part)))
                .as(part)
                .isEqualTo(wanted);
    }

    @Test
    void over_a_mounted_folder_capture_sweep_and_index_have_the_bytes_of_one_machine() throws Exception {
        String[] mounted = pods.mounted(Files.createDirectories(folder.resolve("far")), false);
        Cli far = cli("far");
        Work.done(far, pods.on(Work.capture(text, TOKENS), mounted));
        Work.done(far, pods.on(Work.sweep(folder), mounted));
        Work.done(far, pods.on(new String[] {"index", sae}, mounted));
        assertSame("activations/s", "far");
        assertSame("saes", "far");
        assertSame("features/" + sae, "far");
    }

    @Test
    void over_hdfs_with_the_archive_pods_of_another_user_without_a_home_mount_nothing() throws Exception {
        Path archive = Work.archive(folder.resolve("release"), "loupe-1.tar.gz");
        pods.kubelet().image(new PodRoot.Image("185:185", Map.of("HOME", "/home/spark")));
        try (MiniHdfs hdfs = MiniHdfs.start(folder.resolve("hdfs"))) {
            String[] storage = {
                "--storage",
                hdfs.address("ws"),
                "--archives",
                archive.toString(),
                "--conf",
                "spark.executorEnv.HADOOP_USER_NAME=" + System.getProperty("user.name")
            };
            Work.done(cli("first"), pods.on(Work.capture(text, TOKENS), storage));
            Work.done(cli("second"), pods.on(Work.sweep(folder), storage)); // knows nothing but the storage
            Work.done(cli("third"), pods.on(new String[] {"index", sae}, storage));
        } finally {
            pods.kubelet().image(new PodRoot.Image("", Map.of()));
        }
        assertSame("activations/s", "first");
        assertSame("saes", "second");
        assertSame("features/" + sae, "third");
        String last = PodStore.name(pods.api().store().everyPod().getLast());
        assertThat(pods.kubelet().file(last, "opt/spark/work-dir/started"))
                .content()
                .contains("/loupe/loupe-1/loupe");
    }

    @Test
    void pods_that_do_not_see_the_folder_or_may_not_write_there_or_are_too_small_are_told_of_at_once()
            throws Exception {
        Path near = Files.createDirectories(folder.resolve("unseen"));
        String[] capture = Work.capture(text, TOKENS);
        assertThat(refusal("unseen", pods.on(capture)))
                .startsWith("Executor ")
                .contains(" does not see the folder " + near
                        + ", which all machines must share under one path: mount it");
        assertThat(refusal("unseen", pods.on(capture, pods.mounted(near, true))))
                .contains(" sees the folder " + near + ", but may not write in it (as root: Read-only file system)");
        List<String> small = new ArrayList<>(List.of(pods.mounted(near, false)));
        small.addAll(List.of("--conf", "spark.executor.memoryOverhead=1g"));
        String sentence = refusal("unseen", pods.on(capture, small.toArray(String[]::new)));
        JsonNode asked = pods.api().store().everyPod().getLast().at("/spec/containers/0/resources");
        assertThat(asked.at("/limits/memory").asString()).isEqualTo("1536Mi");
        // the limit less Spark's heap of 512 MiB and what its JVM takes beside it
        assertThat(sentence)
                .contains("the largest executor (")
                .contains(") has 824.0 MiB for 1 task: ask for more with --conf spark.executor.memoryOverhead=");
    }

    private static String refusal(String workspace, String[] command) {
        Cli.Result r = cli(workspace).run(command);
        assertThat(r.code()).as(r.err()).isEqualTo(1);
        assertThat(folder.resolve(workspace).resolve("activations/s")).doesNotExist();
        return r.err().strip().lines().toList().getLast();
    }
}
