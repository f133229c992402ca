package dev.loupe.graph;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * How somebody looks at a graph: what they pinned, grouped and named. Kept beside the graph.
 *
 * @param pinned ids of pinned nodes
 * @param groups nodes that are shown as one
 * @param labels names that somebody gave, by node id
 * @param selected id of the node that was clicked last
 * @param influence share of influence that is shown, 0 to 1; null for all
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
public record GraphView(
        List<String> pinned,
        List<Group> groups,
        Map<String, String> labels,
        @Nullable String selected,
        @Nullable Double influence) {
    /**
     * Nodes that are shown as one.
     *
     * @param name what it is called
     * @param nodes ids of its nodes
     */
    public record Group(String name, List<String> nodes) {
        /** Copies. */
        public Group {
            nodes = List.copyOf(nodes);
        }
    }

    /** Fills in what is absent. */
    @SuppressWarnings({"ConstantValue", "NullAway"}) // JSON leaves absent fields null, whatever the types say
    public GraphView {
        pinned = pinned == null ? List.of() : List.copyOf(pinned);
        groups = groups == null ? List.of() : List.copyOf(groups);
        labels = labels == null ? Map.of() : Map.copyOf(labels);
    }

    /** Nothing pinned. */
    public static GraphView empty() {
        return new GraphView(List.of(), List.of(), Map.of(), null, null);
    }
}
