package dev.loupe.cli;

import dev.loupe.base.UsageException;
import dev.loupe.sae.HubSae;
import dev.loupe.sae.SaeFormat;
import dev.loupe.sae.SaeReleases;
import dev.loupe.service.SaeView;
import java.nio.file.Files;
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

    /** The format of explanations. */
    private static final String NEURONPEDIA = "neuronpedia";

    @Parameters(
            paramLabel = "SOURCE",
            description =
                    "The folder or file; hf:OWNER/NAME/FOLDER on the Hugging Face hub; or RELEASE/ID as in SAELens,"
                            + " such as gpt2-small-res-jb/blocks.8.hook_resid_pre.")
    private String source = "";

    @Option(
            names = "--format",
            description =
                    "An SAE: saelens, sparsify, gemma-scope, dictionary_learning, openai or circuit-tracer (a whole set);"
                            + " explanations for an SAE that is there: neuronpedia (default: told from the names of the files).")
    private String format = "";

    @Option(names = "--name", paramLabel = "SAE", description = "Its name here (default: made of where it lies).")
    private String name = "";

    @Option(names = "--model", paramLabel = "M", description = "Its language model, if the files do not say it.")
    private String model = "";

    @Option(names = "--hook", paramLabel = "H", description = "The hook point it reads, if the files do not say it.")
    private String hook = "";

    @Option(
            names = "--hook-out",
            paramLabel = "H",
            description =
                    "The hook point that a transcoder writes, if its file does not say it (Gemma Scope's do not).")
    private String hookOut = "";

    @Override
    void run(Session session) {
        Path file = Path.of(source);
        HubSae remote = Files.exists(file) ? null : HubSae.parse(source);
        if (remote != null) {
            shown(session, session.shown(p -> session.workbench().exchange().pull(remote, name, model, hook, p)));
            return;
        }
        if (!Files.exists(file)) {
            throw new UsageException("There is no file " + source
                    + ", and it names no release of SAEs: give a folder or file, hf:OWNER/NAME/FOLDER, or an id of one of"
                    + " the releases " + String.join(", ", SaeReleases.names()) + ".");
        }
        format = format.isEmpty() ? told(file) : format;
        if (name.isEmpty() && format.equals(NEURONPEDIA)) {
            throw new UsageException("Explanations need --name SAE, the SAE here that they are about.");
        }
        if (name.isEmpty()) {
            name = file.toAbsolutePath().normalize().getFileName().toString().replaceAll("[^A-Za-z0-9._-]+", "-");
        }
        if (format.equals(CIRCUIT_TRACER)) {
            List<SaeView> layers = session.workbench().exchange().takeSet(file, name, model);
            session.result(
                    layers,
                    () -> session.out.println(
                            name + " is in the workspace: " + layers.getFirst().name() + " to "
                                    + layers.getLast().name() + "."));
            return;
        }
        if (format.equals(NEURONPEDIA)) {
            int taken = session.workbench().featureExchange().takeExplanations(name, file);
            session.result(
                    Map.of("sae", name, "explanations", taken),
                    () -> session.out.println(name + " has " + taken + " explanations more."));
            return;
        }
        shown(session, session.workbench().exchange().take(SaeFormat.of(format), file, name, model, hook, hookOut));
    }

    private static String told(Path file) {
        SaeFormat told = SaeFormat.tell(file);
        if (told != null) {
            return told.id();
        }
        if (Files.isRegularFile(file.resolve("config.yaml"))) {
            return CIRCUIT_TRACER;
        }
        String name = String.valueOf(file.getFileName());
        if (name.endsWith(".jsonl") || name.endsWith(".jsonl.gz")) {
            return NEURONPEDIA;
        }
        throw new UsageException(
                "The names of the files of " + file + " do not tell their format: say it with --format.");
    }

    private static void shown(Session session, SaeView sae) {
        session.result(
                sae,
                () -> session.out.println(sae.name() + " is in the workspace: " + sae.architecture() + ", " + sae.dIn()
                        + " -> " + sae.dSae() + ", " + sae.hook() + "."));
    }
}
