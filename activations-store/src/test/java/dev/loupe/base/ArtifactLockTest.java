package dev.loupe.base;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ArtifactLockTest {
    @TempDir
    Path folder;

    @Test
    void the_second_writer_is_told_who_the_first_is() {
        Path artifact = folder.resolve("store");
        try (ArtifactLock first = ArtifactLock.acquire(artifact, "capturing store")) {
            assertThatThrownBy(() -> ArtifactLock.acquire(artifact, "again"))
                    .isInstanceOf(LoupeException.class)
                    .hasMessageContaining("process " + ProcessHandle.current().pid())
                    .hasMessageContaining("capturing store");
            ArtifactLock.acquire(folder.resolve("other"), "something else").close();
            assertThat(first).isNotNull();
        }
        ArtifactLock.acquire(artifact, "after the first ended").close();
    }

    @Test
    void another_process_is_refused_and_a_killed_one_leaves_no_lock() throws Exception {
        Path artifact = folder.resolve("store");
        Process holder = holder(artifact);
        try {
            assertThat(holder.inputReader().readLine()).isEqualTo("locked");
            assertThatThrownBy(() -> ArtifactLock.acquire(artifact, "second"))
                    .isInstanceOf(LoupeException.class)
                    .hasMessageContaining("process " + holder.pid())
                    .hasMessageContaining("holding on");
        } finally {
            holder.destroyForcibly();
        }
        assertThat(holder.waitFor(20, TimeUnit.SECONDS)).isTrue();
        ArtifactLock.acquire(artifact, "third").close();
    }

    /** POSIX takes the lock from a process that closes any descriptor of the file: waiting for oneself must not do that. */
    @Test
    void whoever_waits_in_the_same_process_takes_nothing_from_the_holder() throws Exception {
        Path artifact = folder.resolve("store");
        try (ArtifactLock first = ArtifactLock.acquire(artifact, "downloading")) {
            List<String> said = new CopyOnWriteArrayList<>();
            AtomicBoolean enough = new AtomicBoolean();
            Thread waiting = Thread.ofPlatform().start(() -> {
                try (ArtifactLock second = ArtifactLock.await(artifact, "downloading too", new Progress() {
                    @Override
                    public void stage(String name, long total, String unit) {}

                    @Override
                    public void advance(long done) {}

                    @Override
                    public void message(String text) {
                        said.add(text);
                    }

                    @Override
                    public boolean cancelled() {
                        return enough.get();
                    }
                })) {
                    said.add("has it " + second);
                } catch (CancelledException e) {
                    said.add("stopped");
                }
            });
            while (said.isEmpty()) {
                Thread.sleep(10);
            }
            Thread.sleep(300); // it has looked a few times
            assertThat(first).isNotNull();
            Process other = holder(artifact);
            try {
                assertThat(other.waitFor(30, TimeUnit.SECONDS))
                        .as("another process is refused")
                        .isTrue();
                assertThat(other.exitValue()).isNotZero();
            } finally {
                other.destroyForcibly();
            }
            enough.set(true);
            waiting.join(30_000);
            assertThat(said).hasSize(2).last().isEqualTo("stopped");
            assertThat(said.getFirst())
                    .contains("process " + ProcessHandle.current().pid(), "downloading");
        }
    }

    @Test
    void what_a_killed_writer_left_goes_with_the_next_lock() throws Exception {
        Path artifact = folder.resolve("store");
        Path half = Files.createDirectories(AtomicFiles.temporary(artifact));
        Files.writeString(half.resolve("shard"), "half");
        Path other = Files.createDirectories(AtomicFiles.temporary(folder.resolve("store2")));
        Path partial = Files.createDirectories(folder.resolve(".store.partial"));
        try (ArtifactLock first = ArtifactLock.acquire(artifact, "first")) {
            assertThat(first).isNotNull();
            assertThat(half).doesNotExist();
            assertThat(other).isDirectory();
            assertThat(partial).isDirectory();
            Path growing = Files.createDirectories(AtomicFiles.temporary(artifact));
            assertThatThrownBy(() -> ArtifactLock.acquire(artifact, "second")).isInstanceOf(LoupeException.class);
            assertThat(growing).isDirectory();
        }
    }

    /** Takes a lock and holds it until it is killed. */
    private static Process holder(Path artifact) throws IOException {
        return new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        Holder.class.getName(),
                        artifact.toString())
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
    }

    static final class Holder {
        public static void main(String[] args) throws Exception {
            try (ArtifactLock lock = ArtifactLock.acquire(Path.of(args[0]), "holding on")) {
                System.out.println("locked");
                Thread.currentThread().join(60_000);
                lock.close();
            }
        }
    }
}
