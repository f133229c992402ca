package dev.loupe.cli;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.LoupeException;
import dev.loupe.base.UsageException;
import dev.loupe.sae.SaeFormat;
import dev.loupe.service.FeatureList;
import dev.loupe.service.Workbench;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Writes an SAE for another library. */
@Command(name = "export", description = "Writes an SAE, or its features, in the format of another program.")
final class ExportCommand extends LoupeCommand {
    @Parameters(index = "0", paramLabel = "SAE", description = "The SAE, or for circuit-tracer the set.")
    private String sae = "";

    @Parameters(index = "1", paramLabel = "TARGET", description = "The folder or file to write.")
    private Path target = Path.of("");

    @Option(
            names = "--format",
            required = true,
            description =
                    "An SAE: saelens, sparsify, gemma-scope, dictionary_learning, openai or circuit-tracer (a whole set); its"
                            + " features: neuronpedia (a folder of JSON lines) or html (one page that needs no server).")
    private String format = "";

    @Option(names = "--ids", split = ",", paramLabel = "ID", description = "Only these features (neuronpedia, html).")
    private List<Integer> ids = List.of();

    @Option(
            names = "--list",
            paramLabel = "LIST",
            description = "Only the features of a saved list (neuronpedia, html).")
    private String list = "";

    @Override
    void run(Session session) {
        Workbench bench = session.workbench();
        switch (format) {
            case "neuronpedia" ->
                session.shown(p -> {
                    bench.featureExchange().writeNeuronpedia(sae, chosen(bench), target, p);
                    return target;
                });
            case "html" -> {
                if (Files.exists(target)) {
                    throw new LoupeException(target + " exists already: choose another name or delete it first.");
                }
                if (ids.isEmpty() && list.isEmpty()) {
                    throw new UsageException("Name the features of the page, at most 500: --ids 3,17 or --list NAME.");
                }
                AtomicFiles.writeString(target, bench.featureExchange().html(sae, chosen(bench), "Features of " + sae));
            }
            case ImportCommand.CIRCUIT_TRACER -> bench.exchange().giveSet(sae, target);
            default -> bench.exchange().give(SaeFormat.of(format), sae, target);
        }
        session.result(
                Map.of("sae", sae, "format", format, "target", target.toString()),
                () -> session.out.println("Wrote " + target + "."));
    }

    private List<Integer> chosen(Workbench bench) {
        if (list.isEmpty()) {
            return ids;
        }
        List<Integer> found = bench.notes().list(list).features().stream()
                .filter(f -> f.sae().equals(sae))
                .map(FeatureList.Item::id)
                .toList();
        if (found.isEmpty()) {
            throw new UsageException("The list " + list + " has no features of " + sae + ".");
        }
        return found;
    }
}
