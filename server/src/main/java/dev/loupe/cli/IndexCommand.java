package dev.loupe.cli;

import dev.loupe.base.Fmt;
import dev.loupe.feature.IndexManifest;
import dev.loupe.service.IndexSpec;
import dev.loupe.service.Tasks;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Builds feature indexes. */
@Command(name = "index", description = "Builds the feature index of SAEs: everything the browser shows, in one pass.")
final class IndexCommand extends LoupeCommand {
    @Mixin
    private ClusterChoice where = new ClusterChoice();

    @Parameters(arity = "1..*", paramLabel = "SAE", description = "Names of SAEs.")
    private List<String> saes = List.of();

    @Option(
            names = "--store",
            paramLabel = "S",
            description = "The store with the rows to look at (default: the one that the SAE was trained on).")
    private @Nullable String store;

    @Option(
            names = "--text",
            paramLabel = "T",
            description =
                    "Look at a text in place of a store: the model runs over it once, and only its tokens are kept.")
    private @Nullable String text;

    @Option(
            names = "--tokens",
            paramLabel = "N",
            description = "Tokens of the text to look at, held-out ones included (default: 1000000).")
    private @Nullable Long tokens;

    @Option(
            names = "--context",
            paramLabel = "N",
            description = "Longest sequence of the text in tokens (default: that of the SAE's training).")
    private @Nullable Integer context;

    @Option(
            names = "--json-field",
            paramLabel = "F",
            description = "Field or column that holds the text or token ids (default: text).")
    private @Nullable String jsonField;

    @Option(
            names = "--held-out",
            paramLabel = "SHARE|FILE",
            description = "Documents of the text that labels are scored on (default: as in loupe capture).")
    private @Nullable String heldOut;

    @Option(
            names = "--control",
            description =
                    "Also train an SAE of the same recipe on a randomly initialised copy of the model and index it:"
                            + " what is found there as well says nothing about the model.")
    private boolean control;

    @Override
    void run(Session session) {
        session.on(where);
        IndexSpec spec = new IndexSpec(saes, store, control, text, tokens, context, jsonField, heldOut);
        List<IndexManifest> all = session.job("index", spec, p -> Tasks.index(session.workbench(), spec, p));
        session.result(Map.of("indexes", all), () -> {
            Table table = new Table("SAE", "features", "dead", "tokens", "seconds");
            for (IndexManifest m : all) {
                table.row(m.sae(), m.dSae(), m.dead(), Fmt.count(m.tokens()), EvalCommand.number("%.1f", m.seconds()));
            }
            table.print(session.out);
        });
    }
}
