package dev.loupe.ui.element;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.vaadin.flow.component.ComponentEvent;
import com.vaadin.flow.component.ComponentEventListener;
import com.vaadin.flow.component.DomEvent;
import com.vaadin.flow.component.EventData;
import com.vaadin.flow.component.Tag;
import com.vaadin.flow.component.dependency.JsModule;
import com.vaadin.flow.shared.Registration;
import dev.loupe.base.Json;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A layered graph, layers by positions, and below it what somebody pinned. What is drawn and how it is looked at travel
 * apart, so that pinning in a graph of thousands of nodes sends a few names only.
 */
@Tag("loupe-graph")
@JsModule("context://js/graph.js")
public final class CircuitGraph extends DrawnElement {
    /**
     * A node.
     *
     * @param id its name, unique
     * @param kind feature, error, embedding or logit
     * @param row number of its row, from below
     * @param position its column
     * @param text what to call it where it has no label
     * @param label its label, or null
     * @param influence its share of what is explained, 0 to 1
     * @param cumulative share of this node and all of more influence together; the slider cuts at it
     * @param value its activation or effect
     * @param sign of its effect, for the colour; 0 where it has none
     * @param side a or b where it is in one of two compared graphs only, or null
     */
    @JsonInclude(JsonInclude.Include.NON_NULL)
    public record Node(
            String id,
            String kind,
            int row,
            int position,
            String text,
            @Nullable String label,
            double influence,
            double cumulative,
            double value,
            int sign,
            @Nullable String side) {}

    /**
     * What is drawn.
     *
     * @param tokens text of each position
     * @param rows names of the rows, from below
     * @param nodes the nodes
     * @param from number of each edge's source among the nodes
     * @param to number of its target
     * @param weights its weight
     * @param shares whether an edge matters by its share of what its target takes in, rather than by its size
     * @param valueName what a node's value is, in words
     * @param label what the graph is, in words
     */
    public record Data(
            List<String> tokens,
            List<String> rows,
            List<Node> nodes,
            int[] from,
            int[] to,
            double[] weights,
            boolean shares,
            String valueName,
            String label) {}

    /**
     * Nodes that are shown as one.
     *
     * @param name its name
     * @param nodes ids of its nodes
     */
    public record Group(String name, List<String> nodes) {}

    /**
     * How it is looked at.
     *
     * @param pinned ids of pinned nodes
     * @param groups nodes that are shown as one
     * @param labels names that somebody gave
     * @param selected the chosen node, or null
     * @param influence share of influence that is shown
     * @param edges share of the edges' weight that is shown
     */
    public record View(
            List<String> pinned,
            List<Group> groups,
            Map<String, String> labels,
            @Nullable String selected,
            double influence,
            double edges) {}

    /** Draws a graph. */
    public void set(Data data) {
        show(data);
    }

    /** Looks at it in another way. */
    public void look(View view) {
        getElement().setPropertyJson("view", Json.MAPPER.valueToTree(view));
    }

    /** Somebody chose a node. */
    @DomEvent("choose")
    public static final class Chosen extends ComponentEvent<CircuitGraph> {
        private final String id;

        /** Made by the framework. */
        public Chosen(CircuitGraph source, boolean fromClient, @EventData("event.detail.id") String id) {
            super(source, fromClient);
            this.id = id;
        }

        /** The node; empty for none. */
        public String id() {
            return id;
        }
    }

    /** Somebody pinned a node, or let it go. */
    @DomEvent("pin")
    public static final class Pinned extends ComponentEvent<CircuitGraph> {
        private final String id;

        /** Made by the framework. */
        public Pinned(CircuitGraph source, boolean fromClient, @EventData("event.detail.id") String id) {
            super(source, fromClient);
            this.id = id;
        }

        /** The node. */
        public String id() {
            return id;
        }
    }

    /** Somebody clicked nodes while g was held. */
    @DomEvent("group")
    public static final class Grouped extends ComponentEvent<CircuitGraph> {
        private final List<String> ids;

        /** Made by the framework. */
        public Grouped(CircuitGraph source, boolean fromClient, @EventData("event.detail.ids") String ids) {
            super(source, fromClient);
            this.ids = List.of(Json.MAPPER.readValue(ids, String[].class));
        }

        /** The nodes. */
        public List<String> ids() {
            return ids;
        }
    }

    /** Calls a listener when a node is chosen. */
    public Registration onChoose(ComponentEventListener<Chosen> listener) {
        return addListener(Chosen.class, listener);
    }

    /** Calls a listener when a node is to be pinned or let go. */
    public Registration onPin(ComponentEventListener<Pinned> listener) {
        return addListener(Pinned.class, listener);
    }

    /** Calls a listener when nodes are to be one group. */
    public Registration onGroup(ComponentEventListener<Grouped> listener) {
        return addListener(Grouped.class, listener);
    }
}
