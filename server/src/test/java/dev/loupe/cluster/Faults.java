package dev.loupe.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.cli.SmallWorkspace;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** Ways to make a cluster go wrong in the middle of work, and how far the work is. */
final class Faults {
    /** Daemons start slowly on a busy machine. */
    static final long PATIENCE_SECONDS = 400;

    private Faults() {}

    /** Something that is true some time. */
    interface Condition {
        boolean holds() throws Exception;
    }

    /** Waits for something that a command does; fails with its output if it ends before. */
    static void waitFor(Process process, Path log, Condition condition) throws Exception {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
        while (!condition.holds()) {
            if (!process.isAlive() || System.nanoTime() > end) {
                throw new AssertionError(Files.readString(log));
            }
            Thread.sleep(20);
        }
    }

    /** Waits until a command ends, and that well. */
    static void done(Process process, Path log) throws Exception {
        assertThat(process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).as(Files.readString(log)).isZero();
    }

    /** The executors of standalone clusters that this test has started. */
    static Stream<ProcessHandle> executors() {
        return ProcessHandle.current()
                .descendants()
                .filter(p -> p.info()
                        .commandLine()
                        .map(c -> c.contains("CoarseGrainedExecutorBackend"))
                        .orElse(false));
    }

    static void signal(long process, String name) throws Exception {
        assertThat(new ProcessBuilder("kill", "-" + name, Long.toString(process))
                        .start()
                        .waitFor())
                .isZero();
    }

    /** Kills a command with all that it has started. */
    static void killAll(Process process) throws InterruptedException {
        List<ProcessHandle> all = process.descendants().toList();
        process.destroyForcibly();
        all.forEach(ProcessHandle::destroyForcibly);
        process.waitFor();
    }

    /** Files of activations that are there, under any name. */
    static long shards(Path workspace) {
        try (Stream<Path> files =
                Files.list(workspace.resolve("activations/.s.partial").resolve(SmallWorkspace.HOOK))) {
            return files.count();
        } catch (IOException e) {
            return 0;
        }
    }

    /** Shards of activations that the driver has taken. */
    static int commits(Path workspace) {
        try (Stream<Path> files = Files.list(workspace.resolve("activations/.s.partial"))) {
            return (int) files.filter(f -> f.getFileName().toString().matches("commit-\\d+\\.json"))
                    .count();
        } catch (IOException e) {
            return 0;
        }
    }
}
