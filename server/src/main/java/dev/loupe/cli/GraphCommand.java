package dev.loupe.cli;

import dev.loupe.base.UsageException;
import dev.loupe.graph.AttributionGraph;
import dev.loupe.graph.GraphComparison;
import dev.loupe.graph.GraphRequest;
import dev.loupe.graph.GraphScores;
import dev.loupe.graph.Intervention;
import dev.loupe.graph.InterventionResult;
import dev.loupe.service.Graphs;
import dev.loupe.service.Models;
import dev.loupe.service.Rerun;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Attribution graphs. */
@Command(
        name = "graph",
        description =
                "Explains how a model continues one prompt: transcoder features, errors and embeddings, the direct"
                        + " effects between them, and what the model does without the most important of them.")
final class GraphCommand extends LoupeCommand {
    @Mixin
    private ResultOptions results = new ResultOptions();

    @Parameters(paramLabel = "PROMPT", arity = "0..1", description = "The prompt.")
    private @Nullable String prompt;

    @Option(
            names = "--model",
            paramLabel = "M",
            description = "Model: builtin, a name in models/ or a folder (default: builtin).")
    private String model = Models.BUILTIN;

    @Option(
            names = "--transcoders",
            paramLabel = "SET",
            description = "A set NAME-l0, NAME-l1, ... of transcoders (default: the only one of the workspace).")
    private @Nullable String transcoders;

    @Option(
            names = "--answer",
            paramLabel = "T",
            description = "Explain this token's logit (default: those of the most probable tokens).")
    private @Nullable String answer;

    @Option(names = "--wrong", paramLabel = "T", description = "With --answer: explain the difference to this token.")
    private @Nullable String wrong;

    @Option(names = "--logits", paramLabel = "N", description = "Logits at most (default: 10).")
    private int logits = 10;

    @Option(
            names = "--logit-mass",
            paramLabel = "P",
            description = "Take logits until their probabilities sum to this (default: 0.95).")
    private double mass = 0.95;

    @Option(
            names = "--max-features",
            paramLabel = "N",
            description = "Features whose incoming edges are computed, most influence first (default: 7500).")
    private int maxFeatures = 7500;

    @Option(
            names = "--node-threshold",
            paramLabel = "P",
            description = "Share of influence of the nodes that are kept; 1 keeps all (default: 0.8).")
    private double nodeThreshold = 0.8;

    @Option(
            names = "--edge-threshold",
            paramLabel = "P",
            description = "Share of influence of the edges that are kept; 1 keeps all (default: 0.98).")
    private double edgeThreshold = 0.98;

    @Option(
            names = "--ablate",
            paramLabel = "N",
            description = "Take away the N nodes of most influence, one by one, and measure (default: 20).")
    private int ablate = 20;

    @Option(
            names = "--bos-nodes",
            description = "MLP outputs at the beginning-of-sequence token are nodes, not constants.")
    private boolean bosNodes;

    @Option(
            names = "--prepend-bos",
            negatable = true,
            defaultValue = "true",
            fallbackValue = "true",
            description = "Whether the prompt starts with BOS (default: yes if the model has one).")
    private boolean prependBos = true;

    @Option(names = "--memory", paramLabel = "MIB", description = "Memory for edges (default: 1024).")
    private int memory = 1024;

    @Option(names = "--list", description = "List the saved graphs and compute nothing.")
    private boolean list;

    @Option(names = "--compare", paramLabel = "NAME", description = "With --open: compare it with this saved graph.")
    private @Nullable String compare;

    @Option(
            names = "--change",
            paramLabel = "NODE=X",
            description = "Multiply a node's part by X and run the model: 0 takes it away; repeatable.")
    private Map<String, Double> changes = Map.of();

    @Override
    void run(Session session) {
        Graphs graphs = session.workbench().graphs();
        if (list) {
            List<Graphs.Entry> entries = graphs.list();
            session.result(Map.of("graphs", entries), () -> GraphPrinter.print(session, entries));
            return;
        }
        if (results.rerun != null) {
            String name = results.rerun;
            Rerun r = session.shown(p -> graphs.rerun(name, p));
            session.result(r, () -> RerunPrinter.print(session, r));
            return;
        }
        if (!results.part.isEmpty()) {
            if (results.open == null) {
                throw new UsageException("Give the graph that the nodes are of with --open.");
            }
            AttributionGraph whole = graphs.get(results.open);
            GraphScores s = session.shown(p -> graphs.scores(whole, results.part, p));
            session.result(s, () -> GraphPrinter.print(session, s, results.part.size()));
            return;
        }
        if (compare != null) {
            if (results.open == null) {
                throw new UsageException("Give the first of the two graphs with --open.");
            }
            GraphComparison c = graphs.compare(results.open, compare);
            session.result(c, () -> GraphPrinter.print(session, c));
            return;
        }
        AttributionGraph found = graph(session, graphs);
        AttributionGraph graph =
                results.save != null && results.tracer == null ? graphs.save(found, results.save) : found;
        if (results.export != null) {
            graphs.export(graph, results.export);
        }
        if (changes.isEmpty()) {
            session.result(graph, () -> GraphPrinter.print(session, graph));
            return;
        }
        List<Intervention> all = new ArrayList<>();
        changes.forEach((node, factor) -> all.add(new Intervention(node, factor)));
        InterventionResult r = session.shown(p -> graphs.intervene(graph, all, p));
        session.result(r, () -> GraphPrinter.print(session, r));
    }

    private AttributionGraph graph(Session session, Graphs graphs) {
        if (results.tracer != null) {
            return results.save != null
                    ? graphs.importAs(results.tracer, results.save)
                    : graphs.read(results.tracer).graph();
        }
        if (results.open != null) {
            return graphs.get(results.open);
        }
        session.fetch(model);
        return session.shown(p -> graphs.run(request(graphs), p));
    }

    private GraphRequest request(Graphs graphs) {
        List<String> sets = transcoders == null ? graphs.transcoders() : List.of(transcoders);
        if (sets.size() > 1) {
            throw new UsageException("There are several transcoder sets: choose one of " + String.join(", ", sets)
                    + " with --transcoders.");
        }
        return new GraphRequest(
                model,
                sets.isEmpty() ? "" : sets.get(0),
                prompt == null ? "" : prompt,
                answer,
                wrong,
                logits,
                mass,
                maxFeatures,
                nodeThreshold,
                edgeThreshold,
                ablate,
                prependBos,
                bosNodes,
                memory);
    }
}
