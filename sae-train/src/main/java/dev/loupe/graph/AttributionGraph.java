package dev.loupe.graph;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * Why a model continues one prompt as it does: nodes and the direct effects between them, with every MLP replaced by its
 * transcoder and an error node (Ameisen et al., "Circuit tracing", 2025).
 *
 * @param format version of this record's file form, major.minor
 * @param id its name in the workspace, empty if it was not saved
 * @param created ISO-8601 time
 * @param method what was computed and how, in words
 * @param request what was asked, defaults filled in
 * @param model the model's id
 * @param modelChecksum checksum of the model's weights; empty if the graph was imported
 * @param layers number of blocks
 * @param transcoders the transcoder of each layer, by name
 * @param tokens the prompt's tokens, the beginning-of-sequence token included
 * @param tokenIds their ids
 * @param nodes what was kept, by layer and position: embeddings first, logits last
 * @param edges what was kept, largest weight first
 * @param activeFeatures features that were active on the prompt
 * @param targetFeatures how many of them had their incoming edges computed
 * @param scores of the whole graph, before nodes and edges were cut off; null if the graph was imported
 * @param keptScores the same of what was kept, with what was cut off counted as error; null if the graph was imported
 * @param check measured ablations beside the graph's predictions; null if none were asked for
 * @param seconds how long it took
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
public record AttributionGraph(
        String format,
        String id,
        String created,
        String method,
        GraphRequest request,
        String model,
        String modelChecksum,
        int layers,
        List<String> transcoders,
        List<String> tokens,
        List<Integer> tokenIds,
        List<GraphNode> nodes,
        List<GraphEdge> edges,
        int activeFeatures,
        int targetFeatures,
        @Nullable GraphScores scores,
        @Nullable GraphScores keptScores,
        @Nullable AblationCheck check,
        double seconds) {
    /** The version this program writes. */
    public static final String FORMAT = "1.0";

    /** How graphs are computed here, in words. */
    public static final String METHOD =
            "attribution graph: direct effects with frozen attention patterns and frozen norm scales, every MLP replaced by"
                    + " its transcoder plus an error node; influence, replacement and completeness scores as in"
                    + " circuit-tracer";

    /** The same under a name. */
    public AttributionGraph withId(String name) {
        return with(name, nodes, check, seconds);
    }

    /** The same with the time that it took. */
    AttributionGraph after(double took) {
        return with(id, nodes, check, took);
    }

    /** The same with nodes changed, for example labelled. */
    public AttributionGraph mapNodes(UnaryOperator<GraphNode> change) {
        return with(id, nodes.stream().map(change).toList(), check, seconds);
    }

    /** The same with measured ablations. */
    public AttributionGraph withCheck(@Nullable AblationCheck measured) {
        return with(id, nodes, measured, seconds);
    }

    private AttributionGraph with(String name, List<GraphNode> list, @Nullable AblationCheck measured, double took) {
        return new AttributionGraph(
                format,
                name,
                created,
                method,
                request,
                model,
                modelChecksum,
                layers,
                transcoders,
                tokens,
                tokenIds,
                list,
                edges,
                activeFeatures,
                targetFeatures,
                scores,
                keptScores,
                measured,
                took);
    }

    /** The nodes by their ids. */
    public Map<String, GraphNode> byId() {
        Map<String, GraphNode> map = new LinkedHashMap<>();
        nodes.forEach(n -> map.put(n.id(), n));
        return map;
    }
}
