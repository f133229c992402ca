package dev.loupe.service;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How the direction that a latent writes lies to single neurons.
 *
 * @param sae its SAE
 * @param id the latent
 * @param place the hook point that the decoder row writes to
 * @param neurons whether the dimensions of that place are neurons; else they are those of the residual stream or a head
 * @param dimensions the largest entries of the decoder row by size, largest first
 * @param writers MLP neurons of the model whose output weights have the largest cosines, by size, with the decoder row;
 *     empty where the SAE does not write into the residual stream, or they were not asked for
 */
public record NeuronAlignment(
        String sae, int id, String place, boolean neurons, List<Dimension> dimensions, List<Writer> writers) {
    /**
     * One entry of the decoder row.
     *
     * @param dimension its number
     * @param decoder the entry of the decoder row, which has been scaled to length 1
     * @param share of the sum of all entries' sizes
     * @param encoder the same entry of the encoder row at length 1; null where the SAE reads another place than it writes
     */
    public record Dimension(
            int dimension,
            double decoder,
            double share,
            @Nullable Double encoder) {}

    /**
     * One MLP neuron.
     *
     * @param layer its block
     * @param neuron its number there
     * @param cosine of its output weights and the decoder row. Where the model normalises what its MLPs give (Gemma 2 and 3),
     *     the weights are multiplied with that norm's gains first; its division by the root mean square of everything that
     *     the MLP gives depends on the token and on all other neurons, and turns no direction
     */
    public record Writer(int layer, int neuron, double cosine) {}
}
