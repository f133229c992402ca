package dev.loupe.diagnose.memory;

import dev.loupe.math.Matrix;
import dev.loupe.math.TopK;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.Projection;
import dev.loupe.model.ProjectionWeights;
import dev.loupe.model.Tokenizer;
import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * What neurons write into the logits: their output weights, with the gains of the norm behind the MLP where there is one
 * ({@link ProjectionWeights#outGain}), read by the unembedding.
 */
public final class NeuronValues {
    private final Matrix logits; // [neurons, d_vocab]

    private NeuronValues(Matrix logits) {
        this.logits = logits;
    }

    /**
     * The values of some neurons of a layer, each with the sign of its strongest activation.
     *
     * @param keys of the same neurons
     */
    public static NeuronValues of(LanguageModel model, int layer, int[] neurons, NeuronKey[] keys) {
        ProjectionWeights written = model.projection(layer, Projection.MLP_OUT);
        Matrix out = written.weight(); // [d_model, d_mlp]
        float[][] rows = new float[neurons.length][(int) out.rows()];
        for (int i = 0; i < rows.length; i++) {
            float sign = keys[i].strongest() < 0 ? -1 : 1;
            for (int j = 0; j < rows[i].length; j++) {
                rows[i][j] = sign * written.outGain()[j] * out.get(j, neurons[i]);
            }
        }
        return new NeuronValues(model.logitLens(Matrix.copyOf(rows), true));
    }

    /** The tokens whose logit a neuron raises most. */
    public int[] top(int neuron, int n) {
        int[] ids = new int[logits.cols()];
        float[] row = logits.row(neuron);
        int found = new TopK().select(row, 0, row.length, Math.min(n, row.length), ids);
        return IntStream.range(0, found)
                .mapToObj(i -> ids[i])
                .sorted(Comparator.comparingDouble(t -> -row[t]))
                .mapToInt(t -> t)
                .toArray();
    }

    /** The tokens whose logit a neuron lowers most. */
    public int[] bottom(int neuron, int n) {
        float[] row = logits.row(neuron);
        return IntStream.range(0, row.length)
                .boxed()
                .sorted(Comparator.comparingDouble(t -> row[t]))
                .limit(n)
                .mapToInt(t -> t)
                .toArray();
    }

    /** How much a neuron raises a token's logit at activation 1. */
    public float logit(int neuron, int token) {
        return logits.get(neuron, token);
    }

    /** Tokens in words. */
    static String words(int[] tokens, Tokenizer tokenizer) {
        return Arrays.stream(tokens).mapToObj(tokenizer::token).collect(Collectors.joining(" | "));
    }
}
