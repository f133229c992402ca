package dev.loupe.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.loupe.base.Progress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A small Kubernetes for a test: its API server, a machine that runs pods, and how commands name them. */
final class SmallPods implements AutoCloseable {
    private final MiniKubernetes api;
    private final MiniKubelet kubelet;

    private SmallPods(MiniKubernetes api, MiniKubelet kubelet) {
        this.api = api;
        this.kubelet = kubelet;
    }

    /** Starts it; a machine where no pod can have a root folder of its own skips the test. */
    static SmallPods start(Path folder) throws Exception {
        String obstacle = PodRoot.obstacle();
        assumeTrue(obstacle.isEmpty(), () -> "no root folder of its own can be entered on this machine: " + obstacle);
        MiniKubernetes api = MiniKubernetes.start();
        SparkHome spark = SparkHome.find(System.getenv(), api.master(), Progress.silent());
        return new SmallPods(api, new MiniKubelet(Files.createDirectories(folder), api.store(), spark.folder()));
    }

    MiniKubernetes api() {
        return api;
    }

    MiniKubelet kubelet() {
        return kubelet;
    }

    /** A command there, with one small executor that has room for the processes of tasks. */
    String[] on(String[] command, String... more) {
        List<String> all = new ArrayList<>(List.of(command));
        all.addAll(List.of(
                "--on",
                api.master(),
                "--conf",
                "spark.ui.enabled=false",
                "--conf",
                "spark.kubernetes.container.image=" + MiniKubelet.IMAGE));
        all.addAll(List.of(more));
        return all.toArray(String[]::new);
    }

    /** The settings that mount a folder of the machine under its own name. */
    String[] mounted(Path folder, boolean readOnly) {
        String volume = "spark.kubernetes.executor.volumes.hostPath.ws.";
        return new String[] {
            "--conf",
            volume + "mount.path=" + folder,
            "--conf",
            volume + "options.path=" + folder,
            "--conf",
            volume + "mount.readOnly=" + readOnly
        };
    }

    /** No pod, no config map, no process. */
    void assertGone() throws InterruptedException {
        for (int tries = 0;
                tries < 300 && !(api.left().isEmpty() && kubelet.running().isEmpty());
                tries++) {
            Thread.sleep(100); // pods end in their own time
        }
        assertThat(api.left()).isEmpty();
        assertThat(kubelet.running()).isEmpty();
    }

    @Override
    public void close() throws InterruptedException {
        api.close();
        kubelet.close();
    }
}
