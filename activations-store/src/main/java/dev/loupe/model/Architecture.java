package dev.loupe.model;

/**
 * How the blocks of one model compute, the same in all of them; {@link LayerSpec} has what differs between layers.
 *
 * @param tensors what its tensors are called, and with it which parts there are
 * @param norm its norms
 * @param biasQkv whether queries, keys and values have biases
 * @param biasO whether the attention's output has one
 * @param biasMlp whether the MLP's projections have biases
 * @param activation the activation function of the MLP
 * @param parallel whether attention and MLP both read the residual stream that enters the block
 * @param rotaryDims dimensions of a head that are rotated, the first ones; 0 where positions are learned
 * @param embedScale what token embeddings are multiplied with
 * @param scoreCap c of {@code c tanh(score / c)} for attention scores; 0 without
 * @param logitCap the same for logits
 */
record Architecture(
        TensorNames tensors,
        NormKind norm,
        boolean biasQkv,
        boolean biasO,
        boolean biasMlp,
        Nonlinearity activation,
        boolean parallel,
        int rotaryDims,
        float embedScale,
        float scoreCap,
        float logitCap) {}
