package dev.loupe.cli;

import dev.loupe.base.UsageException;
import dev.loupe.eval.ReportCard;
import dev.loupe.eval.SaeReport;
import dev.loupe.eval.SetReport;
import dev.loupe.service.EvalResult;
import dev.loupe.service.EvalSpec;
import dev.loupe.service.Evaluations;
import dev.loupe.service.Tasks;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Evaluates SAEs. */
@Command(
        name = "eval",
        description =
                "The report card of SAEs on held-out text: reconstruction, dead latents, what splicing them in costs, probes on"
                        + " labels, absorption.")
final class EvalCommand extends LoupeCommand {
    @Mixin
    private ClusterChoice where = new ClusterChoice();

    @Parameters(arity = "1..*", paramLabel = "SAE", description = "Names of SAEs, or of transcoder sets as a whole.")
    private List<String> saes = List.of();

    @Option(
            names = "--text",
            paramLabel = "T",
            description = "Corpus for the losses (default: the held-out documents of the SAE's store).")
    private @Nullable String text;

    @Option(
            names = "--store",
            paramLabel = "S",
            description = "The store with the rows to measure on (default: the one that the SAE was trained on).")
    private @Nullable String store;

    @Option(
            names = "--random-control",
            description =
                    "Also do all of it on a copy of the model with random weights: capture, the same recipe, the same"
                            + " report (made once, kept, and shared by seeds). By default where that takes less than a"
                            + " minute.")
    private boolean randomControl;

    @Option(names = "--no-random-control", description = "Never do so.")
    private boolean noRandomControl;

    @Override
    void run(Session session) {
        session.on(where);
        Evaluations evaluations = session.workbench().evaluations();
        List<String> sets = saes.stream().filter(evaluations::isSet).toList();
        EvalSpec spec =
                new EvalSpec(saes.stream().filter(s -> !sets.contains(s)).toList(), text, store, control());
        EvalResult result = spec.saes().isEmpty()
                ? new EvalResult(List.of(), Map.of(), Map.of())
                : session.job("eval", spec, p -> Tasks.eval(session.workbench(), spec, p));
        List<SetReport> whole = new ArrayList<>();
        for (String set : sets) {
            whole.add(session.job(
                    "eval", new EvalSpec(List.of(set), null, store), p -> evaluations.runSet(set, store, p)));
        }
        Map<String, Object> byName = result.summary();
        whole.forEach(r -> {
            Map<String, Object> summary = r.summary();
            summary.put("report", evaluations.setReportFile(r.set()).toString());
            byName.put(r.set(), summary);
        });
        session.result(Map.of("saes", byName), () -> {
            if (!result.reports().isEmpty()) {
                table(result.reports()).print(session.out);
                result.reports().forEach(r -> places(r, session));
            }
            result.missing().values().forEach(session.out::println);
            whole.forEach(r -> table(r).print(session.out));
        });
    }

    private @Nullable Boolean control() {
        if (randomControl && noRandomControl) {
            throw new UsageException("Give --random-control or --no-random-control, not both.");
        }
        return randomControl ? Boolean.TRUE : noRandomControl ? Boolean.FALSE : null;
    }

    private static Table table(SetReport r) {
        Table table = new Table(r.set(), "L0", "FVU", "dead", "delta CE");
        for (SetReport.Layer l : r.layers()) {
            table.row(
                    l.hookOut(),
                    number("%.1f", l.l0()),
                    number("%.3f", l.fvu()),
                    l.dead(),
                    number("%.3f", l.deltaCe()));
        }
        table.row("all", number("%.1f", r.l0()), number("%.3f", r.fvu()), "", number("%.3f", r.deltaCe()));
        return table;
    }

    /** What a crosscoder comes to at each of its hook points. */
    private static void places(SaeReport r, Session session) {
        List<SaeReport.Place> places = r.places();
        if (places == null) {
            return;
        }
        Table table = new Table(r.sae(), "FVU", "delta CE");
        for (SaeReport.Place p : places) {
            Double deltaCe = p.deltaCe();
            table.row(p.hook(), number("%.3f", p.fvu()), deltaCe == null ? "-" : number("%.3f", deltaCe));
        }
        table.print(session.out);
    }

    static Table table(List<SaeReport> reports) {
        Table table = new Table(
                "SAE",
                "L0",
                "FVU",
                "PCA FVU",
                "rank",
                "dead %",
                "delta CE",
                "recovered (zero)",
                "recovered (mean)",
                "KL score",
                "probe k=1",
                "residual k=1",
                "absorbed",
                "tokens");
        for (SaeReport r : reports) {
            SaeReport.Loss loss = r.loss();
            ReportCard card = r.card();
            ReportCard.Kl kl = card == null ? null : card.kl();
            table.row(
                    r.sae(),
                    number("%.1f", r.l0()),
                    number("%.3f", r.fvu()),
                    number("%.3f", r.pcaFvu()),
                    r.pcaRank(),
                    number("%.1f", 100 * r.deadFraction()),
                    loss == null ? "-" : number("%.3f", loss.deltaCe()),
                    loss == null ? "-" : number("%.3f", loss.lossRecoveredZero()),
                    loss == null ? "-" : number("%.3f", loss.lossRecoveredMean()),
                    kl == null ? "-" : number("%.3f", kl.score()),
                    card == null || card.probes().isEmpty()
                            ? "-"
                            : number("%.3f", card.accuracy(ReportCard.Probe::latents, 0)),
                    card == null || card.probes().isEmpty()
                            ? "-"
                            : number("%.3f", card.accuracy(ReportCard.Probe::residual, 0)),
                    card == null || card.absorption().isEmpty()
                            ? "n/a"
                            : number(
                                    "%.3f",
                                    card.absorption().stream()
                                            .mapToDouble(ReportCard.Absorbed::score)
                                            .average()
                                            .orElse(Double.NaN)),
                    r.tokens());
        }
        return table;
    }

    static String number(String format, double value) {
        return String.format(Locale.ROOT, format, value);
    }
}
