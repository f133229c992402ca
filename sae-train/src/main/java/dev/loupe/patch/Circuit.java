package dev.loupe.patch;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * A sparse feature circuit. Effects are those of patching a node's clean value into the corrupted run, in units of the
 * metric, summed over positions, means over pairs.
 *
 * @param format version of this record's file form, major.minor
 * @param id its name in the workspace, empty if it was not saved
 * @param created ISO-8601 time
 * @param how what was computed and how, in words
 * @param request what was asked, defaults filled in
 * @param modelChecksum checksum of the model's weights
 * @param tokens the first clean prompt's tokens
 * @param pairs pairs that nodes and edges were found with
 * @param testPairs pairs that curves were measured on
 * @param candidates latents and errors that differ between clean and corrupted runs
 * @param nodes the circuit's nodes, largest effect first
 * @param edges effects of nodes through others, largest first
 * @param whole metric of the clean prompts with nothing ablated
 * @param empty metric with every node replaced by its mean
 * @param curves method → faithfulness and completeness against the number of nodes
 * @param unit what one unit of the metric is
 * @param seconds how long it took
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
public record Circuit(
        String format,
        String id,
        String created,
        String how,
        CircuitRequest request,
        String modelChecksum,
        List<String> tokens,
        int pairs,
        int testPairs,
        int candidates,
        List<Node> nodes,
        List<Edge> edges,
        double whole,
        double empty,
        Map<String, List<Point>> curves,
        String unit,
        double seconds) {
    /** The version this program writes. */
    public static final String FORMAT = "1.0";

    /** The same under a name. */
    public Circuit withId(String name) {
        return new Circuit(
                format,
                name,
                created,
                how,
                request,
                modelChecksum,
                tokens,
                pairs,
                testPairs,
                candidates,
                nodes,
                edges,
                whole,
                empty,
                curves,
                unit,
                seconds);
    }

    /**
     * A node.
     *
     * @param id unique: {@code SAE/17} for a latent, {@code SAE/error}
     * @param sae its SAE
     * @param hook the SAE's hook
     * @param layer the hook's layer
     * @param latent its number; null for the SAE's error
     * @param effect its effect
     * @param position where its effect is largest in size
     * @param byPosition its effect at every position
     */
    @JsonInclude(JsonInclude.Include.NON_NULL)
    @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
    public record Node(
            String id,
            String sae,
            String hook,
            int layer,
            @Nullable Integer latent,
            double effect,
            int position,
            double[] byPosition) {
        /** Checks the position, which texts are looked up by. */
        public Node {
            if (position < 0) {
                throw new IllegalArgumentException("the node " + id + " is at position " + position);
            }
        }
    }

    /**
     * The part of a node's effect that goes directly through another one, past no third SAE.
     *
     * @param source id of the earlier node
     * @param target id of the later node
     * @param weight in units of the metric
     */
    public record Edge(String source, String target, double weight) {}

    /**
     * One point of a curve.
     *
     * @param nodes how many nodes of largest effect are kept
     * @param smallest effect of the last of them
     * @param faithfulness (m(kept) − m(none)) / (m(all) − m(none)): what is left when all others are mean-ablated
     * @param completeness the same of the complement: what is left when these nodes are mean-ablated
     */
    public record Point(int nodes, double smallest, double faithfulness, double completeness) {}
}
