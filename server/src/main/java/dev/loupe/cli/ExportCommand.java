package dev.loupe.cli;

import dev.loupe.sae.SaeFormat;
import java.nio.file.Path;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Writes an SAE for another library. */
@Command(name = "export", description = "Writes an SAE in the format of another library.")
final class ExportCommand extends LoupeCommand {
    @Parameters(index = "0", paramLabel = "SAE", description = "The SAE, or for circuit-tracer the set.")
    private String sae = "";

    @Parameters(index = "1", paramLabel = "TARGET", description = "The folder or file to write.")
    private Path target = Path.of("");

    @Option(
            names = "--format",
            required = true,
            description =
                    "saelens, sparsify, gemma-scope, dictionary_learning, openai or circuit-tracer (a whole set).")
    private String format = "";

    @Override
    void run(Session session) {
        if (format.equals(ImportCommand.CIRCUIT_TRACER)) {
            session.workbench().exchange().giveSet(sae, target);
        } else {
            session.workbench().exchange().give(SaeFormat.of(format), sae, target);
        }
        session.result(
                Map.of("sae", sae, "format", format, "target", target.toString()),
                () -> session.out.println("Wrote " + target + "."));
    }
}
