package dev.loupe.cli;

import dev.loupe.service.BugReport;
import dev.loupe.service.Doctor;
import dev.loupe.service.Workbench;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Says what this machine can do. */
@Command(
        name = "doctor",
        description = "Says what this machine can do, how the workspace is, and where settings come from.")
final class DoctorCommand extends LoupeCommand {
    @Option(
            names = "--bundle",
            paramLabel = "FILE.zip",
            description =
                    "Also write a file for a bug report: machine, settings, state of the workspace, end of the log;"
                            + " no text of users or models, no token, no key.")
    private @Nullable Path bundle;

    @Override
    void run(Session session) {
        Workbench bench = session.withAnyDevice().workbench();
        Doctor.Report report = Doctor.examine(bench);
        if (bundle != null) {
            BugReport.write(bundle, bench, report, Version.text(), session.environment());
            session.err.println("Wrote " + bundle + "; look through it before you send it.");
        }
        session.result(report, () -> {
            Table machine = new Table("machine", "", "");
            report.machine().forEach(f -> machine.row(f.name(), f.value(), f.ok() ? "" : "PROBLEM"));
            machine.print(session.out);
            session.out.println();
            Table workspace = new Table("workspace", "", "");
            report.workspace().forEach(f -> workspace.row(f.name(), f.value(), f.ok() ? "" : "PROBLEM"));
            workspace.print(session.out);
            session.out.println();
            Table settings = new Table("setting", "value", "from");
            report.settings().forEach(s -> settings.row(s.name(), s.value().isEmpty() ? "-" : s.value(), s.source()));
            settings.print(session.out);
            List<String> problems = report.problems();
            session.out.println();
            session.out.println(problems.isEmpty() ? "All is well." : String.join("\n", problems));
        });
    }
}
