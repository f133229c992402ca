package dev.loupe.diagnose.memory;

import java.util.List;
import tools.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * Which neurons are active where a latent is. Every figure is over the same ordinary tokens of a text, the latent counted
 * as 0 where it does not fire; sums are in double precision. What never changes has no correlation and is left out.
 *
 * @param sae the SAE
 * @param id the latent
 * @param text where the tokens come from
 * @param tokens how many there are
 * @param firings those on which the latent is active: few of them make correlations uncertain
 * @param place the hook point that the SAE reads
 * @param own whether its dimensions are neurons; else they are those of the residual stream or a head
 * @param layers blocks whose MLP neurons were looked at: all up to the SAE's own
 * @param neurons MLP neurons with the largest correlations by size, largest first
 * @param dimensions the same of the dimensions of {@code place}
 */
@JsonNaming(SnakeCaseStrategy.class)
public record NeuronCorrelation(
        String sae,
        int id,
        String text,
        long tokens,
        long firings,
        String place,
        boolean own,
        int layers,
        List<Neuron> neurons,
        List<Dimension> dimensions) {
    /**
     * An MLP neuron.
     *
     * @param layer its block
     * @param neuron its number there
     * @param pearson correlation of its activation (behind activation function and gate) with the latent's
     * @param cosine of the two, without subtracting means
     */
    public record Neuron(int layer, int neuron, double pearson, double cosine) {}

    /**
     * A dimension of the place that is read.
     *
     * @param dimension its number
     * @param pearson correlation of its value with the latent's activation
     * @param cosine of the two, without subtracting means
     */
    public record Dimension(int dimension, double pearson, double cosine) {}
}
