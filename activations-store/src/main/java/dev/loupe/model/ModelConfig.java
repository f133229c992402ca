package dev.loupe.model;

/**
 * The sizes of a language model, in the field's names. No weights are needed to know them.
 *
 * @param family the architecture as the checkpoint names it, for example {@code LlamaForCausalLM}
 * @param nLayers number of blocks
 * @param dModel width of the residual stream
 * @param nHeads number of query heads
 * @param nKeyValueHeads number of key and value heads; each serves {@code nHeads / nKeyValueHeads} query heads
 * @param dHead width of one head
 * @param dMlp number of MLP neurons per block
 * @param dVocab number of token ids
 * @param nCtx longest sequence the model was made for
 * @param normEps the number added inside the norm's square root
 * @param ropeTheta base of the rotary frequencies; 0 where positions are learned
 * @param tiedEmbeddings whether the unembedding is the embedding
 * @param parameters number of parameters, counted from the shapes above
 */
public record ModelConfig(
        String family,
        int nLayers,
        int dModel,
        int nHeads,
        int nKeyValueHeads,
        int dHead,
        int dMlp,
        int dVocab,
        int nCtx,
        double normEps,
        double ropeTheta,
        boolean tiedEmbeddings,
        long parameters) {
    /** The same with another number of parameters. */
    ModelConfig withParameters(long count) {
        return with(tiedEmbeddings, count);
    }

    /** The same with an unembedding of its own, or without. */
    ModelConfig withTiedEmbeddings(boolean tied) {
        return with(tied, parameters);
    }

    private ModelConfig with(boolean tied, long count) {
        return new ModelConfig(
                family,
                nLayers,
                dModel,
                nHeads,
                nKeyValueHeads,
                dHead,
                dMlp,
                dVocab,
                nCtx,
                normEps,
                ropeTheta,
                tied,
                count);
    }
}
