package dev.loupe.ui;

import com.vaadin.flow.component.Component;
import dev.loupe.base.Progress;
import dev.loupe.service.Workbench;
import dev.loupe.ui.element.CircuitGraph;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What the circuit page needs of a graph, whichever kind it is: an attribution graph or a sparse feature circuit. */
interface CircuitShown {
    /** Opens a saved one; of two of one name the kind says which. */
    static CircuitShown open(Workbench workbench, String name, String kind) {
        boolean circuit = workbench.circuits().list().contains(name);
        boolean graph = workbench.graphs().names().contains(name);
        return (graph && !kind.equals("circuit")) || !circuit
                ? new GraphShown(workbench, workbench.graphs().get(name))
                : new FeatureCircuitShown(workbench, workbench.circuits().get(name));
    }

    /**
     * A node in words.
     *
     * @param id its name
     * @param kind feature, error, embedding or logit
     * @param name what to call it
     * @param where its layer and position
     * @param sae its SAE or transcoder, or null
     * @param feature its number there, or null
     * @param facts figures: number, name, definition
     */
    record NodeText(
            String id,
            String kind,
            String name,
            String where,
            @Nullable String sae,
            @Nullable Integer feature,
            List<String[]> facts) {}

    /** An edge at a node: the node at its other end. */
    record Link(String id, String name, double weight) {}

    /** Its name in the workspace. */
    String name();

    /** {@code graph} or {@code circuit}. */
    String kind();

    /** What it explains, in one line. */
    String title();

    /** What it is and how it was made. */
    String how();

    /** Model, SAEs, ... */
    List<String> chips();

    /** Figures that a person would quote. */
    Component facts();

    /** What is drawn. */
    CircuitGraph.Data data();

    /** A node; null if there is none of that name. */
    @Nullable NodeText node(String id);

    /** Where a node's value comes from, largest first. */
    List<Link> into(String id);

    /** Where it goes, largest first. */
    List<Link> outOf(String id);

    /** What a part explains, as figures: number, name, definition. Takes a while; off the page's lock. */
    List<String[]> part(Set<String> ids, Progress progress);

    /** What nodes can be changed by, other than taken away. */
    boolean scales();

    /**
     * What the model does with nodes changed. Takes a while; off the page's lock.
     *
     * @param factor what each node is multiplied by; 0 takes it away
     */
    CircuitChange change(List<String> ids, double factor, Progress progress);

    /** Whether a node can be changed. */
    boolean changes(String id);

    /** What stands below the graph: curves, measured ablations. */
    @Nullable Component below();

    /** Others of the same kind to compare with. */
    List<String> others();

    /** This one and another, joined in one drawing, and what to say about them. */
    Joined with(String other);

    /**
     * Two graphs in one drawing.
     *
     * @param data nodes of both, each marked with its side
     * @param facts figures about them: number, name, definition
     * @param differences what differs most: words, value in the first, value in the second
     */
    record Joined(CircuitGraph.Data data, List<String[]> facts, List<String[]> differences) {}
}
