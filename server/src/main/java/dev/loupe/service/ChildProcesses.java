package dev.loupe.service;

import dev.loupe.base.LoupeException;
import dev.loupe.cluster.Executors;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.IntConsumer;

/**
 * Starts {@code loupe task} as child processes: the same JDK, flags and class path as this process. Their standard input
 * stays open as long as this process lives: a child whose server was killed sees it end and stops.
 */
final class ChildProcesses implements AutoCloseable {
    private static final String MAIN = "dev.loupe.cli.Main";
    private static final long PATIENCE_SECONDS = 10;

    private final Workspace workspace;
    private final String device;
    private final int most;
    private final Map<String, Process> running = new ConcurrentHashMap<>();

    ChildProcesses(Workspace workspace, String device, int most) {
        this.workspace = workspace;
        this.device = device;
        this.most = most;
    }

    /**
     * Each child takes a few hundred megabytes: nobody may start so many that the machine stands still.
     *
     * @throws ConflictException if no other child may be started now
     */
    void room() {
        if (running.size() >= most) {
            throw new ConflictException("This server runs " + running.size() + " jobs and starts no more than " + most
                    + " (max-jobs): wait until one has ended, or stop one.");
        }
    }

    /** Starts the job of a folder; {@code ended} hears the exit code. */
    void start(Path job, IntConsumer ended) {
        String id = String.valueOf(job.getFileName());
        ProcessBuilder builder = new ProcessBuilder(command(job));
        builder.redirectErrorStream(true);
        builder.redirectOutput(job.resolve(JobWriter.LOG).toFile());
        Process process;
        try {
            process = builder.start();
        } catch (IOException e) {
            throw new LoupeException("The process of job " + id + " cannot be started (" + e.getMessage() + ").", e);
        }
        running.put(id, process);
        process.onExit().thenAccept(p -> {
            running.remove(id);
            ended.accept(p.exitValue());
        });
    }

    /** Ends a child that was asked to stop and does not. */
    void endSoon(String id) {
        Process process = running.get(id);
        if (process == null) {
            return;
        }
        Thread.ofVirtual().start(() -> {
            try {
                if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                    process.destroyForcibly();
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
    }

    /** Lets all children stop, as they do when this process dies. */
    @Override
    public void close() {
        for (Process process : running.values()) {
            try {
                process.getOutputStream().close();
            } catch (IOException e) {
                process.destroyForcibly();
            }
        }
    }

    private List<String> command(Path job) {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.add("-XX:ErrorFile=" + job.resolve(JobWriter.CRASH)); // of native code, which takes the process with it
        command.add("-XX:-CreateCoredumpOnCrash"); // gigabytes beside the few lines of the crash's own file
        command.addAll(Executors.jvm());
        command.addAll(List.of(
                MAIN,
                "--workspace",
                workspace.root().toString(),
                "--device",
                device,
                "task",
                "--attached",
                job.resolve(JobWriter.REQUEST).toString()));
        return command;
    }
}
