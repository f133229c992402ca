package dev.loupe.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.cli.Cli;
import dev.loupe.cli.SmallWorkspace;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.node.ObjectNode;

/** What may go wrong on Kubernetes: a sentence each, no pod left, and the bytes of one machine where the work went on. */
@Tag("cluster")
class KubernetesFaultsTest {
    private static final int TOKENS = 12_000;
    private static final long PATIENCE_SECONDS = 400; // pods start slowly on a busy machine

    @TempDir
    static Path folder;

    private static SmallPods pods;
    private static Path text;

    @BeforeAll
    static void start() throws Exception {
        pods = SmallPods.start(folder.resolve("pods"));
        text = Work.text(folder);
    }

    @AfterAll
    static void stop() throws Exception {
        if (pods != null) {
            pods.close();
        }
    }

    @AfterEach
    void nothingIsLeft() throws Exception {
        pods.api().allowAll();
        pods.assertGone();
    }

    private static Cli cli(String workspace) {
        return new Cli(folder.resolve(workspace), SmallCluster.LOOPBACK);
    }

    /** Runs a capture that is told at once that it cannot be, in a sentence. */
    private static String refused(String workspace, String... more) {
        return refused(workspace, pods.api().master(), more);
    }

    private static String refused(String workspace, String master, String[] more) {
        String[] command = pods.on(Work.capture(text, TOKENS), more);
        Cli.Result r = cli(workspace)
                .run(Stream.of(command)
                        .map(word -> word.equals(pods.api().master()) ? master : word)
                        .toArray(String[]::new));
        assertThat(r.code()).as(r.err()).isEqualTo(1);
        assertThat(folder.resolve(workspace).resolve("activations/s")).doesNotExist();
        return r.err().strip().lines().toList().getLast();
    }

    @Test
    void an_account_without_rights_is_told_which_and_no_pod_is_asked_for() throws Exception {
        int before = pods.api().store().everyPod().size();
        pods.api().deny("create pods");
        pods.api().deny("delete configmaps");
        assertThat(refused("rights"))
                .startsWith(
                        "The account may not create pods, delete configmaps in the namespace default of Kubernetes at "
                                + pods.api().master().substring(6))
                .contains("create rolebinding")
                .contains("--conf spark.kubernetes.namespace=NAME");
        pods.api().allowAll();
        pods.api().refuse(401);
        assertThat(refused("rights"))
                .contains("does not know this account (401 Unauthorized)")
                .contains("KUBECONFIG");
        pods.api().refuse(403);
        assertThat(refused("rights"))
                .contains("refuses this account (403 Forbidden)")
                .contains("oauthToken");
        pods.api().allowAll();
        assertThat(refused("rights", "--conf", "spark.kubernetes.namespace=lab"))
                .contains("has no namespace lab: name one with --conf spark.kubernetes.namespace=NAME");
        assertThat(refused("rights", "--conf", "spark.kubernetes.container.image="))
                .startsWith("Kubernetes needs the image of executors")
                .contains("--conf spark.kubernetes.container.image=IMAGE");
        String nobody = "k8s://http://127.0.0.1:" + SmallCluster.freePort();
        assertThat(refused("rights", nobody, new String[0]))
                .startsWith("No Kubernetes API server answers at " + nobody.substring(6))
                .contains("or correct --on");
        assertThat(pods.api().store().everyPod()).hasSize(before);
    }

    @Test
    void pods_that_cannot_start_are_told_of_in_kubernetes_own_words_and_the_wait_ends() throws Exception {
        String wait = "spark.loupe.wait=25s";
        assertThat(refused(
                        "gpus",
                        "--conf",
                        wait,
                        "--conf",
                        "spark.executor.resource.gpu.amount=2",
                        "--conf",
                        "spark.executor.resource.gpu.vendor=nvidia.com",
                        "--conf",
                        "spark.executor.resource.gpu.discoveryScript=/opt/spark/gpus.sh",
                        "--conf",
                        "spark.task.resource.gpu.amount=1",
                        "--conf",
                        "spark.executor.memory=700m",
                        "--conf",
                        "spark.executor.memoryOverhead=5g",
                        "--conf",
                        "spark.executor.cores=2",
                        "--conf",
                        "spark.kubernetes.executor.request.cores=500m"))
                .contains("Spark gave no executor: Kubernetes has not started their pods (Unschedulable: 0/1 nodes are"
                        + " available: 1 Insufficient nvidia.com/gpu)")
                .contains("kubectl -n default describe pods -l spark-app-selector=spark-")
                .contains("Given up after 25s");
        ObjectNode asked = pods.api().store().everyPod().getLast();
        var resources = asked.at("/spec/containers/0/resources");
        assertThat(resources.path("limits").path("nvidia.com/gpu").asString()).isEqualTo("2");
        assertThat(resources.path("requests").path("cpu").asString()).isEqualTo("500m");
        assertThat(PodRules.quantity(resources.path("limits").path("memory").asString()))
                .isEqualByComparingTo(PodRules.quantity((700 + 5 * 1024) + "Mi"));
        assertThat(resources.path("requests").path("memory"))
                .isEqualTo(resources.path("limits").path("memory"));
        assertThat(refused("image", "--conf", wait, "--conf", "spark.kubernetes.container.image=no/such:1"))
                .contains("(ImagePullBackOff: Back-off pulling image \"no/such:1\")");
        pods.api().quota("exceeded quota: lab, requested: pods=1, used: pods=4, limited: pods=4");
        assertThat(refused("quota", "--conf", wait))
                .contains("Kubernetes makes no more pods for it, pods \"loupe-")
                .contains(
                        "is forbidden: exceeded quota: lab, requested: pods=1, used: pods=4, limited: pods=4: ask for")
                .contains("--conf spark.executor.instances=N");
    }

    @Test
    void a_command_that_is_interrupted_while_its_pods_wait_leaves_none() throws Exception {
        Path log = folder.resolve("waiting.log");
        Process command = cli("waiting")
                .start(
                        log,
                        SmallCluster.LOOPBACK,
                        pods.on(Work.capture(text, TOKENS), "--conf", "spark.kubernetes.executor.request.cores=9"));
        try {
            waitFor(command, log, () -> !pods.api().left().isEmpty());
            for (ProcessHandle driver : command.descendants().toList()) { // as a terminal does to all of them
                signal(driver, "INT");
            }
            signal(command.toHandle(), "INT");
            assertThat(command.waitFor(60, TimeUnit.SECONDS)).isTrue();
            assertThat(command.exitValue()).isNotZero();
        } finally {
            command.destroyForcibly().waitFor();
        }
    }

    @Test
    void a_pod_that_takes_too_much_memory_costs_time_only_and_an_interrupted_command_leaves_none() throws Exception {
        Cli near = new Cli(folder.resolve("near"));
        Work.done(near, Work.capture(text, TOKENS));
        Path far = Files.createDirectories(folder.resolve("far"));
        Path log = folder.resolve("starved.log");
        String[] capture = pods.on(Work.capture(text, TOKENS), pods.mounted(far, false));
        Process command = cli("far").start(log, SmallCluster.LOOPBACK, capture);
        try {
            waitFor(command, log, () -> shards(far) > 0);
            pods.kubelet().starve(pods.kubelet().running().getFirst());
            waitFor(command, log, () -> said(log).contains("Spark lost executor"));
            assertThat(said(log))
                    .contains("exit code 137")
                    .contains("Give containers more memory with --conf spark.executor.memoryOverhead");
            assertThat(command.isAlive()).as(said(log)).isTrue();
            signal(command.toHandle(), "INT");
            assertThat(command.waitFor(60, TimeUnit.SECONDS)).isTrue();
            assertThat(command.exitValue()).isNotZero();
            pods.assertGone();
        } finally {
            command.destroyForcibly().waitFor();
        }
        Path again = folder.resolve("again.log");
        Process second = cli("far").start(again, SmallCluster.LOOPBACK, capture);
        try {
            waitFor(
                    second,
                    again,
                    () -> !pods.kubelet().running().isEmpty() && said(again).contains("%"));
            assertThat(second.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
            assertThat(second.exitValue()).as(said(again)).isZero();
        } finally {
            second.destroyForcibly().waitFor();
        }
        assertThat(Work.checksums(far.resolve("activations/s")))
                .isNotEmpty()
                .isEqualTo(Work.checksums(folder.resolve("near/activations/s")));
    }

    private static long shards(Path workspace) {
        try (Stream<Path> files =
                Files.list(workspace.resolve("activations/.s.partial").resolve(SmallWorkspace.HOOK))) {
            return files.count();
        } catch (IOException e) {
            return 0;
        }
    }

    private static String said(Path log) {
        try {
            return Files.readString(log);
        } catch (IOException e) {
            return "";
        }
    }

    private static void signal(ProcessHandle process, String name) throws Exception {
        assertThat(new ProcessBuilder("kill", "-" + name, Long.toString(process.pid()))
                        .start()
                        .waitFor())
                .isZero();
    }

    private static void waitFor(Process process, Path log, BooleanSupplier condition) throws Exception {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
        while (!condition.getAsBoolean()) {
            if (!process.isAlive() || System.nanoTime() > end) {
                throw new AssertionError(said(log));
            }
            Thread.sleep(20);
        }
    }
}
