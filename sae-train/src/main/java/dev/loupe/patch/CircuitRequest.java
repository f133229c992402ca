package dev.loupe.patch;

import dev.loupe.base.UsageException;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * Which latents of some SAEs make up the circuit of a behaviour?
 *
 * @param patch the pairs, the method ({@code relp}, {@code atp}, {@code ig} or {@code ap}) and its settings; its sites are
 *     not used. Pairs that come from a task are measured on its held-out templates too
 * @param saes the SAEs, at most one for each hook
 * @param compare other methods whose curve is measured beside the method's, such as {@code ig}
 * @param nodes how many nodes of largest effect the circuit has; default 50
 * @param threshold instead of {@link #nodes}: the smallest effect of a node, in units of the metric; 0 for none
 * @param edges whether edges between the nodes are computed; default true
 * @param points points of a curve; default 10
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
public record CircuitRequest(
        PatchRequest patch,
        List<String> saes,
        List<String> compare,
        int nodes,
        double threshold,
        @Nullable Boolean edges,
        int points) {
    private static final int MOST_NODES = 2000;

    /** Fills in defaults. */
    @SuppressWarnings({"ConstantValue", "NullAway"}) // JSON leaves absent fields null, whatever the types say
    public CircuitRequest {
        saes = saes == null ? List.of() : List.copyOf(saes);
        compare = compare == null ? List.of() : List.copyOf(compare);
        nodes = nodes == 0 ? 50 : nodes;
        points = points == 0 ? 10 : points;
        patch = patch == null ? PatchRequest.of("", "", "", "") : patch;
    }

    /** Whether edges are wanted. */
    boolean withEdges() {
        return edges == null || edges;
    }

    /**
     * Checks everything that needs no model.
     *
     * @throws UsageException in one sentence
     */
    public void check() {
        patch.check();
        if (saes.isEmpty()) {
            throw new UsageException("A circuit needs SAEs: name at least one with --saes.");
        }
        if (saes.stream().distinct().count() < saes.size()) {
            throw new UsageException("An SAE is named twice.");
        }
        if (nodes < 1 || nodes > MOST_NODES) {
            throw new UsageException("A circuit has 1 to " + MOST_NODES + " nodes, not " + nodes + ".");
        }
        if (!(threshold >= 0)) {
            throw new UsageException("The threshold must be 0 or more, not " + threshold + ".");
        }
        if (points < 1 || points > 100) {
            throw new UsageException("A curve has 1 to 100 points, not " + points + ".");
        }
        for (String m : methods()) {
            if (PatchMethod.of(m).dropsLayers()) {
                throw new UsageException(
                        "The method " + m + " gives scores without sign; a circuit takes relp, atp," + " ig or ap.");
            }
        }
    }

    /** The method and those it is compared with. */
    List<String> methods() {
        java.util.LinkedHashSet<String> all = new java.util.LinkedHashSet<>();
        all.add(patch.method());
        all.addAll(compare);
        return List.copyOf(all);
    }
}
