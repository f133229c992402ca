package dev.loupe.graph;

import dev.loupe.base.LoupeException;
import dev.loupe.base.NotFoundException;
import dev.loupe.base.VersionedJson;
import dev.loupe.patch.ResultFolders;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.function.BiConsumer;

/** Saved graphs: a folder {@code graphs/<name>/} with a manifest {@code graph.json}, and how it is looked at, {@code view.json}. */
public final class GraphFiles {
    private static final ResultFolders<AttributionGraph> FOLDERS =
            new ResultFolders<>("attribution graph", "graphs", "graph.json", AttributionGraph.class);
    private static final String VIEW = "view.json";

    private GraphFiles() {}

    /**
     * Saves a graph, whole or not at all.
     *
     * @param graphs the workspace's {@code graphs} folder
     * @param more writes more files into the graph's folder before anyone can see it
     * @throws LoupeException if there is already one of that name, or the disk refuses
     */
    public static AttributionGraph save(
            Path graphs, AttributionGraph graph, String name, BiConsumer<Path, AttributionGraph> more) {
        return FOLDERS.save(graphs, name, graph::withId, more);
    }

    /**
     * Opens a saved graph.
     *
     * @throws NotFoundException if there is none of that name
     * @throws LoupeException if it was written by a program of a newer major format
     */
    public static AttributionGraph open(Path graphs, String name) {
        return FOLDERS.open(graphs, name);
    }

    /** Names of the saved graphs, sorted. */
    public static List<String> list(Path graphs) {
        return FOLDERS.list(graphs, Comparator.naturalOrder());
    }

    /** How a saved graph is looked at; nothing pinned if nobody said. */
    public static GraphView view(Path graphs, String name) {
        FOLDERS.check(graphs, name);
        Path file = graphs.resolve(name).resolve(VIEW);
        return Files.exists(file) ? VersionedJson.read(file, view(name), GraphView.class) : GraphView.empty();
    }

    /** Keeps how a graph is looked at beside it, in place of what was there. */
    public static void saveView(Path graphs, String name, GraphView view) {
        FOLDERS.check(graphs, name);
        VersionedJson.update(graphs.resolve(name).resolve(VIEW), view(name), view);
    }

    private static String view(String name) {
        return "view of the attribution graph " + name;
    }
}
