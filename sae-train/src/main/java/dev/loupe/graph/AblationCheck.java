package dev.loupe.graph;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.loupe.patch.Agreement;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * What a graph predicts for taking a node away, beside what the model does without it.
 *
 * @param metric the number whose change is measured, in words
 * @param node id of the logit node that it is
 * @param base its value with nothing taken away
 * @param ablations the nodes of largest influence, one by one
 * @param agreement how predictions agree with measurements over all of them; null with fewer than two
 * @param features the same over the features among them
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
public record AblationCheck(
        String metric,
        String node,
        double base,
        List<Ablation> ablations,
        @Nullable Agreement agreement,
        @Nullable Agreement features) {

    /**
     * One node taken away.
     *
     * @param node its id
     * @param predicted change by the graph: minus the sum over all paths to the logit of the product of weights, each
     *     divided by the activation that it passes
     * @param measured change in the model when the node's part of the MLP's output (or of the residual stream before the
     *     first block) is left out and everything behind it is computed anew
     */
    public record Ablation(String node, double predicted, double measured) {}
}
