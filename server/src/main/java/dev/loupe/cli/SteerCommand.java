package dev.loupe.cli;

import dev.loupe.base.UsageException;
import dev.loupe.service.Workbench;
import dev.loupe.steer.Edit;
import dev.loupe.steer.SteerListener;
import dev.loupe.steer.SteerRequest;
import dev.loupe.steer.SteerResult;
import dev.loupe.steer.Variant;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Writes with features turned up or down. */
@Command(name = "steer", description = "Continues a prompt with and without features turned up or down.")
final class SteerCommand extends LoupeCommand {
    @Parameters(paramLabel = "PROMPT", description = "The text to continue.")
    private String prompt = "";

    @Mixin
    private ModelChoice model = new ModelChoice();

    @Option(
            names = "--edit",
            paramLabel = "SAE:ID:OP[:STRENGTH]",
            description =
                    "An edit, repeatable: SAE:ID, neuron:LAYER:INDEX or vector:NAME; then add, set, scale, ablate, cap"
                            + " or project; then a strength (in units of the feature's largest activation).")
    private List<String> edits = List.of();

    @Option(names = "--variant", paramLabel = "NAME", description = "A saved variant instead of edits.")
    private @Nullable String variant;

    @Option(names = "--greedy", description = "Always the most likely token.")
    private boolean greedy;

    @Option(names = "--temperature", paramLabel = "T", description = "0 is greedy (default: 0.7).")
    private @Nullable Double temperature;

    @Option(names = "--top-k", paramLabel = "K", description = "Only the K most likely tokens; 0 for all (default: 0).")
    private int topK;

    @Option(
            names = "--top-p",
            paramLabel = "P",
            description = "Only the tokens that hold this probability (default: 0.95).")
    private @Nullable Double topP;

    @Option(names = "--max-tokens", paramLabel = "N", description = "New tokens (default: 60).")
    private int maxTokens;

    @Option(names = "--seed", paramLabel = "N", description = "Both texts are written with this seed (default: 0).")
    private long seed;

    @Option(names = "--stop", paramLabel = "T", description = "The text ends before this; repeatable.")
    private List<String> stop = List.of();

    @Override
    void run(Session session) {
        if (greedy && temperature != null && temperature != 0) {
            throw new UsageException("--greedy and --temperature exclude each other.");
        }
        session.fetch(model.name());
        Workbench bench = session.workbench();
        SteerRequest request = new SteerRequest(
                model.reference(),
                prompt,
                edits(bench),
                maxTokens,
                greedy ? Double.valueOf(0) : temperature,
                topK,
                topP,
                seed,
                stop);
        SteerResult r = session.shown(p -> bench.steer().run(request, SteerListener.silent(), p));
        session.result(r, () -> {
            r.edits().forEach(e -> session.out.println("edit     " + e));
            session.out.println("default  " + prompt + r.defaultText());
            session.out.println("steered  " + prompt + r.steered());
            session.out.printf(Locale.ROOT, "KL       %.4f nats per token of the default text%n", r.kl());
        });
    }

    private Variant edits(Workbench bench) {
        if (variant != null) {
            if (!edits.isEmpty()) {
                throw new UsageException("--edit and --variant exclude each other.");
            }
            return bench.steer().variant(variant);
        }
        return new Variant(null, edits.stream().map(Edit::parse).toList(), null);
    }
}
