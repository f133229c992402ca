package dev.loupe.cli;

import dev.loupe.base.NotFoundException;
import dev.loupe.service.Tasks;
import java.nio.file.Files;
import java.nio.file.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** One unit of work: what a server starts as a child process. */
@Command(
        name = "task",
        description = "Does the work of one job file (kind, request); what a server starts for each job.")
final class TaskCommand extends LoupeCommand {
    @Parameters(
            paramLabel = "TASK.json",
            description = "The job's request.json, or a file with \"kind\" and \"request\".")
    private Path file = Path.of("");

    @Override
    void run(Session session) {
        if (!Files.isRegularFile(file)) {
            throw new NotFoundException("There is no task file " + file + ".");
        }
        Object result = session.shown(p -> Tasks.runFile(session.workbench(), file, p));
        session.result(result, () -> session.out.println("Done."));
    }
}
