package dev.loupe.cli;

import dev.loupe.service.Explanation;
import dev.loupe.service.LabelRun;
import dev.loupe.service.LabelSpec;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Asks a language model for labels in prose. */
@Command(
        name = "label",
        description = "Asks the OpenAI-compatible service that LOUPE_LABEL_URL and LOUPE_LABEL_MODEL name (its key in"
                + " LOUPE_LABEL_KEY) to explain features in prose, and scores each explanation on held-out examples."
                + " Features of the SAE explained by the same model before are left out. Nothing leaves this machine"
                + " without this command or the button on a feature's page.")
final class LabelCommand extends LoupeCommand {
    @Parameters(arity = "1", paramLabel = "SAE", description = "The SAE.")
    private String sae = "";

    @Option(names = "--ids", split = ",", paramLabel = "N,...", description = "These features.")
    private List<Integer> ids = List.of();

    @Option(names = "--list", paramLabel = "NAME", description = "The features of a saved list.")
    private @Nullable String list;

    @Option(names = "--top", paramLabel = "N", description = "The N most contextual features (default: 10).")
    private @Nullable Integer top;

    @Option(names = "--again", description = "Also features that the same model has explained already.")
    private boolean again;

    @Override
    void run(Session session) {
        LabelSpec spec = new LabelSpec(sae, ids, list, top, again ? true : null);
        LabelRun run =
                session.job("label", spec, p -> session.workbench().prose().explain(spec, p));
        session.result(run, () -> {
            Table table = new Table("feature", "detection", "fuzzing", "label by " + run.model());
            for (Explanation e : run.explanations()) {
                table.row(e.feature(), score(e.detection()), score(e.fuzzing()), e.text());
            }
            table.print(session.out);
            if (!run.kept().isEmpty()) {
                session.out.println(run.kept().size() + " of them were explained before (--again asks anew).");
            }
            run.failed().forEach((id, why) -> session.out.println(id + ": " + why));
        });
    }

    private static String score(@Nullable Double score) {
        return score == null ? "-" : EvalCommand.number("%.2f", score);
    }
}
