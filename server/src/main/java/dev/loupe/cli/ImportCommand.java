package dev.loupe.cli;

import dev.loupe.sae.SaeFormat;
import dev.loupe.service.SaeView;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Takes an SAE from elsewhere. */
@Command(name = "import", description = "Takes an SAE of another library into the workspace.")
final class ImportCommand extends LoupeCommand {
    /** The format of whole sets. */
    static final String CIRCUIT_TRACER = "circuit-tracer";

    @Parameters(paramLabel = "SOURCE", description = "The folder or file.")
    private Path source = Path.of("");

    @Option(
            names = "--format",
            required = true,
            description =
                    "An SAE: saelens, sparsify, gemma-scope, dictionary_learning, openai or circuit-tracer (a whole set);"
                            + " explanations for an SAE that is there: neuronpedia.")
    private String format = "";

    @Option(names = "--name", required = true, paramLabel = "SAE", description = "Its name here.")
    private String name = "";

    @Option(names = "--model", paramLabel = "M", description = "Its language model, if the files do not say it.")
    private String model = "";

    @Option(names = "--hook", paramLabel = "H", description = "The hook point it reads, if the files do not say it.")
    private String hook = "";

    @Override
    void run(Session session) {
        if (format.equals(CIRCUIT_TRACER)) {
            List<SaeView> layers = session.workbench().exchange().takeSet(source, name, model);
            session.result(
                    layers,
                    () -> session.out.println(
                            name + " is in the workspace: " + layers.getFirst().name() + " to "
                                    + layers.getLast().name() + "."));
            return;
        }
        if (format.equals("neuronpedia")) {
            int taken = session.workbench().featureExchange().takeExplanations(name, source);
            session.result(
                    Map.of("sae", name, "explanations", taken),
                    () -> session.out.println(name + " has " + taken + " explanations more."));
            return;
        }
        SaeView sae = session.workbench().exchange().take(SaeFormat.of(format), source, name, model, hook);
        session.result(
                sae,
                () -> session.out.println(name + " is in the workspace: " + sae.architecture() + ", " + sae.dIn()
                        + " -> " + sae.dSae() + ", " + sae.hook() + "."));
    }
}
