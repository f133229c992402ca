package dev.loupe.base;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
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
        Process holder = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        Holder.class.getName(),
                        artifact.toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
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
