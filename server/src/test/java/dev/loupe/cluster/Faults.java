package dev.loupe.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.cli.SmallWorkspace;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
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

    /** An executor that is in the middle of a task: its child process stands still. */
    record Stopped(String name, ProcessHandle executor, List<ProcessHandle> children) {
        /** Kills it, as a machine dies; the children cannot even notice. */
        void kill() {
            executor.destroyForcibly();
            children.forEach(ProcessHandle::destroyForcibly);
        }
    }

    /**
     * Waits until a command's work is under way, and makes the child processes of one executor that has a task stand still
     * before it is done.
     *
     * @param underWay when it has begun
     */
    static Stopped stopOne(Process driver, Path output, Path workspace, Condition underWay) throws Exception {
        Map<ProcessHandle, List<ProcessHandle>> stopped = new LinkedHashMap<>();
        String[] name = {""};
        waitFor(driver, output, () -> {
            if (!underWay.holds()) {
                return false;
            }
            if (stopped.isEmpty()) {
                for (ProcessHandle executor : executors().toList()) {
                    List<ProcessHandle> children = executor.children().toList();
                    if (!children.isEmpty()) {
                        stopped.put(executor, children);
                    }
                }
                for (List<ProcessHandle> children : stopped.values()) {
                    for (ProcessHandle child : children) {
                        signal(child.pid(), "STOP");
                    }
                }
            }
            for (ProcessHandle executor : stopped.keySet()) {
                name[0] = id(executor);
                if (runs(name[0], workspace)) {
                    return true;
                }
            }
            return false;
        });
        Stopped one = null;
        for (Map.Entry<ProcessHandle, List<ProcessHandle>> entry : stopped.entrySet()) {
            if (id(entry.getKey()).equals(name[0])) {
                one = new Stopped(name[0], entry.getKey(), entry.getValue());
            } else {
                for (ProcessHandle child : entry.getValue()) {
                    signal(child.pid(), "CONT");
                }
            }
        }
        return Objects.requireNonNull(one);
    }

    private static String id(ProcessHandle executor) {
        return executor.info().commandLine().orElse("").replaceAll("(?s).*--executor-id (\\S+).*", "$1");
    }

    /** Whether an executor has begun more tasks than it has ended, by Spark's log. */
    private static boolean runs(String executor, Path workspace) throws IOException {
        String log = sparkLog(workspace);
        String where = " \\(TID \\d+\\) (\\([\\w.]+, ?executor |in \\d+ ms on [\\w.]+ \\(executor )" + executor + "\\b";
        return count(log, "Starting task [\\d.]+ in stage [\\d.]+" + where)
                > count(log, "Finished task [\\d.]+ in stage [\\d.]+" + where);
    }

    private static long count(String text, String pattern) {
        return Pattern.compile(pattern).matcher(text).results().count();
    }

    /** What Spark's drivers of a workspace have logged. */
    static String sparkLog(Path workspace) throws IOException {
        StringBuilder all = new StringBuilder();
        try (Stream<Path> files = Files.list(workspace.resolve("logs"))) {
            for (Path file : files.filter(f -> f.getFileName().toString().matches("spark-.*\\.log"))
                    .toList()) {
                all.append(Files.readString(file, StandardCharsets.ISO_8859_1));
            }
        } catch (NoSuchFileException e) {
            return "";
        }
        return all.toString();
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
