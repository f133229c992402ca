package dev.loupe.cli;

import dev.loupe.base.NotFoundException;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.service.AttachedProgress;
import dev.loupe.service.ClusterTasks;
import dev.loupe.service.Settings;
import dev.loupe.service.Tasks;
import java.io.BufferedReader;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** One unit of work: what a server starts as a child process, or many, for the driver of a cluster. */
@Command(
        name = "task",
        description = "Does the work of one job file (kind, request); what a server starts for each job.")
final class TaskCommand extends LoupeCommand {
    @Parameters(
            arity = "0..1",
            paramLabel = "TASK.json",
            description = "The job's request.json, or a file with \"kind\" and \"request\".")
    private @Nullable Path file;

    @Option(
            names = "--piped",
            description =
                    "Take parts of larger work from standard input, a line each, until it ends; what the executors of"
                            + " a cluster start.")
    private boolean piped;

    @Option(
            names = "--attached",
            description = "Stop when standard input ends: the server that holds its other end has gone.")
    private boolean attached;

    @Override
    void run(Session session) {
        if (piped) {
            session.with(Settings.Key.ON, "local");
            try (ClusterTasks tasks = new ClusterTasks(session.workbench())) {
                tasks.serve(
                        new BufferedReader(
                                new InputStreamReader(new FileInputStream(FileDescriptor.in), StandardCharsets.UTF_8)),
                        session.out);
            }
            return;
        }
        Path named = file;
        if (named == null) {
            throw new UsageException("Name the file of the task, or give --piped.");
        }
        if (!Files.isRegularFile(named)) {
            throw new NotFoundException("There is no task file " + named + ".");
        }
        Object result = session.shown(p -> Tasks.runFile(session.workbench(), named, attached ? watched(p) : p));
        session.result(result, () -> session.out.println("Done."));
    }

    /** Not System.in, whose buffer others may have read into. */
    private static Progress watched(Progress shown) {
        return AttachedProgress.of(
                shown,
                new FileInputStream(FileDescriptor.in),
                () -> Runtime.getRuntime().halt(Failures.FAILED));
    }
}
