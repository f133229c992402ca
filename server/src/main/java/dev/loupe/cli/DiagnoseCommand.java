package dev.loupe.cli;

import dev.loupe.diagnose.About;
import dev.loupe.diagnose.Diagnostic;
import dev.loupe.diagnose.Need;
import dev.loupe.diagnose.gallery.Diagnostics;
import dev.loupe.service.DiagnoseReport;
import dev.loupe.service.DiagnoseSpec;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Runs diagnostics. */
@Command(
        name = "diagnose",
        description = "Asks published questions about a model, a store or SAEs, many in one pass; results are kept in"
                + " diagnostics/ and shown on the page of diagnostics.")
final class DiagnoseCommand extends LoupeCommand {
    @Parameters(
            arity = "0..*",
            paramLabel = "ID",
            description = "Diagnostics (default: all that what is named allows).")
    private List<String> ids = List.of();

    @Option(names = "--list", description = "Only list the diagnostics there are.")
    private boolean list;

    @Option(
            names = "--model",
            paramLabel = "M",
            description = "Model (default: that of the SAE or store, else builtin).")
    private @Nullable String model;

    @Option(names = "--store", paramLabel = "S", description = "Store (default: that of the SAE).")
    private @Nullable String store;

    @Option(names = "--sae", split = ",", paramLabel = "SAE[,SAE]", description = "One SAE, or two to compare.")
    private List<String> saes = List.of();

    @Option(
            names = "--checkpoints",
            split = ",",
            paramLabel = "SAE,...",
            description = "SAEs that are steps of one training, in order, or one whose training kept some (--set"
                    + " keep_every=10%%); default: those of the SAE, if there are any.")
    private List<String> checkpoints = List.of();

    @Option(
            names = "--text",
            paramLabel = "T",
            description = "Corpus that the model reads (default: the store's sequences, else builtin:europarl).")
    private @Nullable String text;

    @Option(
            names = "--tokens",
            paramLabel = "N",
            description = "Tokens of text and rows of the store at most (default: 200000).")
    private long tokens;

    @Option(
            names = "--trial-tokens",
            paramLabel = "N",
            description = "Tokens of text that changes of the model are tried on (default: 4096).")
    private long trialTokens;

    @Option(
            names = "--context",
            paramLabel = "N",
            description = "Longest sequence of a text (default: 256 or the model's limit).")
    private int context;

    @Option(names = "--seed", paramLabel = "N", description = "Seed of every choice (default: 0).")
    private long seed;

    @Option(
            names = "--again",
            description = "Compute anew what an earlier run with the same inputs has saved (default: it stands).")
    private boolean again;

    @Override
    void run(Session session) {
        if (list) {
            session.result(
                    Map.of(
                            "diagnostics",
                            Diagnostics.all().stream().map(Diagnostic::about).toList()),
                    () -> table().print(session.out));
            return;
        }
        String named = model;
        if (named != null) {
            session.fetch(named);
        }
        DiagnoseSpec spec =
                new DiagnoseSpec(ids, model, store, saes, checkpoints, text, tokens, trialTokens, context, seed, again);
        session.workbench().diagnose().check(spec);
        DiagnoseReport report = session.job(
                "diagnose", spec, p -> session.workbench().diagnose().run(spec, p));
        session.result(report, () -> print(session, report));
    }

    private static Table table() {
        Table table = new Table("diagnostic", "needs", "question");
        for (Diagnostic d : Diagnostics.all()) {
            About a = d.about();
            table.row(
                    a.id(),
                    a.needs().stream().sorted().map(Need::words).collect(Collectors.joining(", ")),
                    a.question());
        }
        return table;
    }

    private static void print(Session session, DiagnoseReport report) {
        for (DiagnoseReport.Row r : report.results()) {
            session.out.printf("%s (%s)%n  %s%n  %s%n%n", r.diagnostic(), r.id(), r.question(), r.answer());
        }
        report.refused().forEach((id, why) -> session.out.printf("%s: not run. %s%n", id, why));
        session.out.printf(
                Locale.ROOT,
                "%d diagnostics (%d of them from an earlier run) in %d rounds: %d tokens read, %d with changes, %d rows;"
                        + " reading %s, counting %s.%n",
                report.results().size(),
                report.results().stream().filter(DiagnoseReport.Row::kept).count(),
                report.streams().rounds(),
                report.streams().tokens(),
                report.streams().trialTokens(),
                report.streams().rows(),
                time(report.streams().readingSeconds()),
                time(report.streams().countingSeconds()));
    }

    private static String time(double seconds) {
        return dev.loupe.base.Fmt.duration(Duration.ofMillis(Math.round(1000 * seconds)));
    }
}
