package dev.loupe.cli;

import dev.loupe.service.Doctor;
import java.util.List;
import picocli.CommandLine.Command;

/** Says what this machine can do. */
@Command(
        name = "doctor",
        description = "Says what this machine can do, how the workspace is, and where settings come from.")
final class DoctorCommand extends LoupeCommand {
    @Override
    void run(Session session) {
        Doctor.Report report = Doctor.examine(session.withAnyDevice().workbench());
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
