package dev.loupe.cli;

import dev.loupe.base.UsageException;
import dev.loupe.patch.Circuit;
import dev.loupe.patch.CircuitPart;
import dev.loupe.patch.CircuitRequest;
import dev.loupe.patch.PairFiles;
import dev.loupe.patch.PatchRequest;
import dev.loupe.patch.task.PatchPair;
import dev.loupe.service.Circuits;
import dev.loupe.service.Models;
import dev.loupe.service.Rerun;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Finds sparse feature circuits. */
@Command(
        name = "circuit",
        subcommands = GraphCommand.class,
        description =
                "Finds which SAE latents carry a behaviour, and measures how much of it they keep; circuit graph draws"
                        + " an attribution graph of one prompt.")
final class CircuitCommand extends LoupeCommand {
    @Mixin
    private ResultOptions results = new ResultOptions();

    @Option(
            names = "--model",
            paramLabel = "M",
            description = "Model: builtin, a name in models/ or a folder (default: builtin).")
    private String model = Models.BUILTIN;

    @Option(
            names = "--saes",
            split = ",",
            paramLabel = "SAE",
            description = "SAEs of the residual stream, attention or MLP outputs, one for each hook.")
    private List<String> saes = List.of();

    @Option(names = "--task", paramLabel = "NAME", description = "Pairs of a task (loupe patch --tasks lists them).")
    private @Nullable String task;

    @Option(names = "--task-pairs", paramLabel = "N", description = "How many pairs of the task (default: 32).")
    private int taskPairs = 32;

    @Option(names = "--pairs-file", paramLabel = "FILE", description = "Pairs: CSV or JSON lines, as for loupe patch.")
    private @Nullable Path file;

    @Option(names = "--only-correct", description = "Leave out pairs that the model gets wrong.")
    private boolean onlyCorrect;

    @Option(names = "--method", paramLabel = "M", description = "relp, atp, ig or ap (default: relp).")
    private String method = "relp";

    @Option(
            names = "--compare",
            split = ",",
            paramLabel = "M",
            description = "Other methods whose curve stands beside it, such as ig.")
    private List<String> compare = List.of();

    @Option(
            names = "--metric",
            paramLabel = "M",
            description = "difference, logprob or probability (default: difference).")
    private String metric = "difference";

    @Option(names = "--rules", split = ",", paramLabel = "R", description = "Rules of relp, as for loupe patch.")
    private List<String> rules = PatchRequest.DEFAULT_RULES;

    @Option(names = "--steps", paramLabel = "N", description = "Points on the way for ig (default: 10).")
    private int steps = 10;

    @Option(names = "--nodes", paramLabel = "N", description = "Nodes of the circuit (default: 50).")
    private int nodes = 50;

    @Option(names = "--threshold", paramLabel = "X", description = "Smallest effect of a node, instead of --nodes.")
    private double threshold;

    @Option(names = "--points", paramLabel = "N", description = "Points of a curve (default: 10).")
    private int points = 10;

    @Option(
            names = "--edges",
            negatable = true,
            defaultValue = "true",
            fallbackValue = "true",
            description = "Whether edges are computed (default: yes).")
    private boolean edges = true;

    @Option(names = "--seed", paramLabel = "N", description = "Seed of the choice of pairs (default: 0).")
    private long seed;

    @Override
    void run(Session session) {
        Circuits circuits = session.workbench().circuits();
        if (results.rerun != null) {
            String name = results.rerun;
            Rerun r = session.shown(p -> circuits.rerun(name, p));
            session.result(r, () -> RerunPrinter.print(session, r));
            return;
        }
        if (!results.part.isEmpty()) {
            String name = results.open;
            if (name == null) {
                throw new UsageException("Give the circuit that the nodes are of with --open.");
            }
            CircuitPart part = session.shown(p -> circuits.part(name, new LinkedHashSet<>(results.part), p));
            session.result(
                    part,
                    () -> session.out.printf(
                            Locale.ROOT,
                            "%d nodes: metric %.4f with all others ablated, %.4f without them; faithfulness %.3f,"
                                    + " completeness %.3f%n",
                            part.nodes(),
                            part.alone(),
                            part.without(),
                            part.faithfulness(),
                            part.completeness()));
            return;
        }
        Circuit found = results.tracer != null
                ? circuits.read(results.tracer)
                : results.open != null ? circuits.get(results.open) : session.shown(p -> circuits.run(request(), p));
        Circuit circuit = results.save == null ? found : circuits.save(found, results.save);
        if (results.export != null) {
            circuits.export(circuit, results.export);
        }
        session.result(circuit, () -> print(session, circuit));
    }

    private CircuitRequest request() {
        List<PatchPair> pairs = file == null ? List.of() : PairFiles.read(file);
        if (pairs.isEmpty() && task == null) {
            throw new UsageException("There are no prompt pairs: give --task or --pairs-file.");
        }
        PatchRequest patch = new PatchRequest(
                model,
                "",
                "",
                null,
                null,
                method,
                metric,
                rules,
                List.of(),
                steps,
                null,
                0,
                seed,
                List.of(),
                List.of(),
                pairs,
                task,
                taskPairs,
                0,
                onlyCorrect);
        return new CircuitRequest(patch, saes, compare, nodes, threshold, edges, points);
    }

    private static void print(Session session, Circuit c) {
        session.out.println(c.how());
        session.out.printf(
                Locale.ROOT,
                "%d nodes of %d, %d edges; metric %.4f whole, %.4f with every node ablated; %.1f s%n",
                c.nodes().size(),
                c.candidates(),
                c.edges().size(),
                c.whole(),
                c.empty(),
                c.seconds());
        for (Map.Entry<String, List<Circuit.Point>> curve : c.curves().entrySet()) {
            Table table = new Table(curve.getKey(), "smallest effect", "faithfulness", "completeness");
            for (Circuit.Point p : curve.getValue()) {
                table.row(
                        p.nodes() + " nodes",
                        String.format(Locale.ROOT, "%.4f", p.smallest()),
                        String.format(Locale.ROOT, "%.3f", p.faithfulness()),
                        String.format(Locale.ROOT, "%.3f", p.completeness()));
            }
            table.print(session.out);
        }
        Table table = new Table("node", "effect", "strongest at");
        c.nodes().stream()
                .limit(20)
                .forEach(n -> table.row(
                        n.id(),
                        String.format(Locale.ROOT, "%.4f", n.effect()),
                        n.position() < c.tokens().size()
                                ? c.tokens().get(n.position()).replace("\n", "\\n")
                                : ""));
        table.print(session.out);
    }
}
