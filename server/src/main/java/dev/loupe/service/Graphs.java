package dev.loupe.service;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.feature.FeatureIndex;
import dev.loupe.graph.Attribution;
import dev.loupe.graph.AttributionGraph;
import dev.loupe.graph.GraphComparison;
import dev.loupe.graph.GraphFiles;
import dev.loupe.graph.GraphImport;
import dev.loupe.graph.GraphJson;
import dev.loupe.graph.GraphNode;
import dev.loupe.graph.GraphRequest;
import dev.loupe.graph.GraphScores;
import dev.loupe.graph.GraphView;
import dev.loupe.graph.Intervention;
import dev.loupe.graph.InterventionResult;
import dev.loupe.graph.Interventions;
import dev.loupe.graph.Subgraph;
import dev.loupe.model.LanguageModel;
import dev.loupe.sae.TranscoderSet;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Attribution graphs: which transcoder features caused one prediction, and through which others. */
public final class Graphs {
    private static final Logger LOG = LoggerFactory.getLogger(Graphs.class);

    private final Workspace workspace;
    private final Models models;
    private final Saes saes;
    private final Features features;

    /**
     * A saved graph at one look.
     *
     * @param id its name
     * @param created ISO-8601 time
     * @param model the model's id
     * @param prompt the tokens joined
     * @param explained the first logit node's text
     * @param nodes how many nodes it has
     * @param edges how many edges
     * @param scores null if it was imported
     */
    public record Entry(
            String id,
            String created,
            String model,
            String prompt,
            String explained,
            int nodes,
            int edges,
            @Nullable GraphScores scores) {
        static Entry of(AttributionGraph g) {
            return new Entry(
                    g.id(),
                    g.created(),
                    g.model(),
                    String.join("", g.tokens()),
                    g.nodes().stream()
                            .filter(n -> n.kind() == dev.loupe.graph.NodeKind.LOGIT)
                            .map(GraphNode::shown)
                            .findFirst()
                            .orElse(""),
                    g.nodes().size(),
                    g.edges().size(),
                    g.scores());
        }
    }

    Graphs(Workspace workspace, Models models, Saes saes, Features features) {
        this.workspace = workspace;
        this.models = models;
        this.saes = saes;
        this.features = features;
    }

    /** The transcoder sets of the workspace, by name: {@code NAME-l0}, {@code NAME-l1}, ... are its layers. */
    public List<String> transcoders() {
        Set<String> sets = new LinkedHashSet<>();
        for (String name : saes.names()) {
            String set = TranscoderSet.setOf(name);
            if (!set.equals(name)
                    && name.equals(TranscoderSet.nameOf(set, 0))
                    && saes.open(name).isTranscoder()) {
                sets.add(set);
            }
        }
        return List.copyOf(sets);
    }

    /** Computes a graph without saving it. */
    public AttributionGraph run(GraphRequest request, Progress progress) {
        return labelled(Attribution.run(model(request), request, this::open, progress), GraphView.empty());
    }

    /**
     * Computes a graph and keeps it.
     *
     * @return it at one look
     */
    public Entry run(GraphSpec spec, Progress progress) {
        if (names().contains(spec.name())) {
            throw new ConflictException(
                    "There is already an attribution graph " + spec.name() + "; choose another name.");
        }
        return Entry.of(save(run(spec.graph(), progress), spec.name()));
    }

    /** Saves a graph under a name: its manifest {@code graph.json}, {@code nodes.arrow} and {@code edges.arrow}. */
    public AttributionGraph save(AttributionGraph graph, String name) {
        return GraphFiles.save(workspace.graphs(), graph, name, (folder, saved) -> {
            AtomicFiles.write(folder.resolve("nodes.arrow"), ArrowTable.bytes(GraphTables.nodes(saved)));
            AtomicFiles.write(folder.resolve("edges.arrow"), ArrowTable.bytes(GraphTables.edges(saved)));
        });
    }

    /** Names of the saved graphs. */
    public List<String> names() {
        return GraphFiles.list(workspace.graphs());
    }

    /** The saved graphs; those that cannot be read are left out, and named where they are opened. */
    public List<Entry> list() {
        List<Entry> all = new ArrayList<>();
        for (String name : names()) {
            try {
                all.add(Entry.of(GraphFiles.open(workspace.graphs(), name)));
            } catch (LoupeException e) {
                LOG.warn("The graph {} cannot be read: {}", name, e.getMessage());
            }
        }
        return all;
    }

    /**
     * A saved graph with labels: those of its view, else those of the features' indexes.
     *
     * @throws dev.loupe.base.NotFoundException if there is none of that name
     */
    public AttributionGraph get(String name) {
        return labelled(GraphFiles.open(workspace.graphs(), name), view(name));
    }

    /** How a saved graph is looked at: pinned, grouped and named nodes. */
    public GraphView view(String name) {
        return GraphFiles.view(workspace.graphs(), name);
    }

    /** Keeps how a graph is looked at. */
    public void saveView(String name, GraphView view) {
        GraphFiles.saveView(workspace.graphs(), name, view);
    }

    /** A graph whose features are named: by the view, else as they were, else by the index of their transcoder. */
    public AttributionGraph labelled(AttributionGraph graph, GraphView view) {
        Map<String, @Nullable FeatureIndex> indexes = new HashMap<>();
        return graph.mapNodes(n -> n.withLabel(label(n, view, indexes)));
    }

    private @Nullable String label(GraphNode n, GraphView view, Map<String, @Nullable FeatureIndex> indexes) {
        String given = view.labels().get(n.id());
        if (given != null && !given.isBlank()) {
            return given;
        }
        Integer feature = n.feature();
        String sae = n.sae();
        if (n.label() != null || feature == null || sae == null) {
            return n.label();
        }
        if (!indexes.containsKey(sae)) {
            indexes.put(
                    sae, saes.names().contains(sae) && Features.indexed(workspace, sae) ? features.index(sae) : null);
        }
        FeatureIndex index = indexes.get(sae);
        return index == null || feature >= index.size()
                ? null
                : index.summary(feature).label();
    }

    /**
     * How much of a graph a part of its nodes explains, the rest of its features counted as errors.
     *
     * @param pinned ids of the part's features
     */
    public GraphScores scores(AttributionGraph graph, Collection<String> pinned, Progress progress) {
        return Subgraph.scores(graph, pinned, progress);
    }

    /** Runs a graph's prompt with some of its nodes changed. */
    public InterventionResult intervene(AttributionGraph graph, List<Intervention> changes, Progress progress) {
        return Interventions.run(model(graph.request()), graph, changes, this::open, progress);
    }

    /** Two saved graphs side by side. */
    public GraphComparison compare(String a, String b) {
        return GraphComparison.of(get(a), get(b));
    }

    /** Reads a graph of circuit-tracer. */
    public GraphImport.Imported read(Path file) {
        return GraphImport.read(file);
    }

    /** Reads a graph of circuit-tracer and saves it with its view. */
    public AttributionGraph importAs(Path file, String name) {
        return importAs(read(file), name);
    }

    /** Saves an imported graph with its view. */
    public AttributionGraph importAs(GraphImport.Imported in, String name) {
        AttributionGraph saved = save(in.graph(), name);
        if (!in.view().equals(GraphView.empty())) {
            saveView(name, in.view());
        }
        return saved;
    }

    /** A graph as text: {@code json} (circuit-tracer's), {@code dot} or {@code svg}. */
    public String export(AttributionGraph graph, String form) {
        GraphView view = graph.id().isEmpty() ? GraphView.empty() : view(graph.id());
        return switch (form.toLowerCase(Locale.ROOT)) {
            case "json" -> Json.MAPPER.writeValueAsString(GraphJson.of(graph, view)) + "\n";
            case "dot" -> GraphDrawing.dot(graph);
            case "svg" -> GraphDrawing.svg(graph);
            default -> throw new UsageException("A graph is exported as json, dot or svg, not as " + form + ".");
        };
    }

    /** Writes a graph to a file whose ending says the form. */
    public void export(AttributionGraph graph, Path file) {
        String name = String.valueOf(file.getFileName());
        AtomicFiles.writeString(file, export(graph, name.substring(name.lastIndexOf('.') + 1)));
    }

    /** A saved graph computed again, and whether the answer is the same to the last bit; names of features are left out. */
    public Rerun rerun(String name, Progress progress) {
        AttributionGraph saved = GraphFiles.open(workspace.graphs(), name);
        if (saved.modelChecksum().isEmpty()) {
            throw new UsageException("The graph " + name + " was imported; only a graph that was computed here can be"
                    + " computed again.");
        }
        AttributionGraph again = Attribution.run(model(saved.request()), saved.request(), this::open, progress);
        return Rerun.of(saved.mapNodes(n -> n.withLabel(null)), again.mapNodes(n -> n.withLabel(null)));
    }

    private LanguageModel model(GraphRequest request) {
        String model = request.model();
        return models.open(model == null || model.isBlank() ? Models.BUILTIN : model);
    }

    /** A transcoder set, each layer opened once and kept. */
    private TranscoderSet open(String name) {
        if (!TranscoderSet.isSet(workspace.saes(), name)) {
            return TranscoderSet.open(workspace.saes(), dev.loupe.base.Names.check(name)); // says what is missing
        }
        List<dev.loupe.sae.Sae> layers = new ArrayList<>();
        while (Files.isDirectory(workspace.saes().resolve(TranscoderSet.nameOf(name, layers.size())))) {
            layers.add(Objects.requireNonNull(saes.open(TranscoderSet.nameOf(name, layers.size()))));
        }
        return new TranscoderSet(name, layers);
    }
}
