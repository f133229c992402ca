package dev.loupe.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.cli.SmallWorkspace;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Ways to make a cluster go wrong in the middle of work, and how far the work is. */
final class Faults {
    /** Daemons start slowly on a busy machine. */
    static final long PATIENCE_SECONDS = 400;

    /** What a child needs of a processor before it comes to its first task. */
    private static final Duration START = Duration.ofMillis(700);

    /** Within this time a driver on a busy machine has heard and logged that a task ended. */
    private static final long WORD_MILLIS = 1_000;

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
     * Waits until a command's work is under way, and makes the child of one executor stand still in the middle of a task.
     *
     * @param underWay when it has begun
     */
    static Stopped stopOne(Process driver, Path output, Path workspace, Condition underWay) throws Exception {
        List<Stopped> one = new ArrayList<>();
        waitFor(driver, output, () -> {
            if (underWay.holds()) {
                for (ProcessHandle executor : executors().toList()) {
                    stopped(executor, workspace).ifPresent(one::add);
                    if (!one.isEmpty()) {
                        return true;
                    }
                }
            }
            return false;
        });
        return one.getFirst();
    }

    /** Makes an executor's child stand still if it works at a task; one that does not goes on. */
    private static Optional<Stopped> stopped(ProcessHandle executor, Path workspace) throws Exception {
        String name = id(executor);
        List<ProcessHandle> children =
                executor.children().filter(Faults::isBusy).toList();
        if (children.isEmpty() || !runs(name, workspace)) {
            return Optional.empty();
        }
        for (ProcessHandle child : children) {
            signal(child.pid(), "STOP");
        }
        Thread.sleep(WORD_MILLIS); // the end of a task may be on its way to the driver
        if (runs(name, workspace) && children.stream().allMatch(ProcessHandle::isAlive)) {
            return Optional.of(new Stopped(name, executor, children));
        }
        for (ProcessHandle child : children) {
            signal(child.pid(), "CONT");
        }
        return Optional.empty();
    }

    /** Whether a process is one of {@code loupe task}, no passing one of the executor's own, and has come to its work. */
    private static boolean isBusy(ProcessHandle process) {
        return commandLine(process).endsWith(" task --piped")
                && process.info().totalCpuDuration().orElse(Duration.ZERO).compareTo(START) > 0;
    }

    /** Of any length: the JDK tells no arguments of a long class path. */
    private static String commandLine(ProcessHandle process) {
        try {
            return Files.readString(Path.of("/proc/" + process.pid() + "/cmdline"), StandardCharsets.ISO_8859_1)
                    .replace('\0', ' ')
                    .strip();
        } catch (IOException e) {
            return process.info().commandLine().orElse(""); // it has ended, or the system is another one
        }
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

    /** Sends a signal; a process that has ended needs none. */
    static void signal(long process, String name) throws Exception {
        int code = new ProcessBuilder("kill", "-" + name, Long.toString(process))
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start()
                .waitFor();
        boolean alive = ProcessHandle.of(process).map(ProcessHandle::isAlive).orElse(false);
        assertThat(code == 0 || !alive).as("kill -" + name + " " + process).isTrue();
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
