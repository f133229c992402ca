package dev.loupe.model;

import dev.loupe.math.Matrix;
import java.util.Collection;
import java.util.List;

/**
 * A language model whose inside can be read and changed. All numbers are float32 and agree with the reference
 * implementation of the checkpoint's architecture. Every method may be called from any thread, several at a time.
 */
public interface LanguageModel extends AutoCloseable {
    /** The name that stores and SAEs remember. */
    String id();

    /** The sizes. */
    ModelConfig config();

    /** Its tokenizer. */
    Tokenizer tokenizer();

    /** Every hook point, in the order of the forward pass. */
    List<HookInfo> hooks();

    /**
     * One hook point.
     *
     * @throws dev.loupe.base.UsageException if there is no such hook point, listing those there are
     */
    HookInfo hook(String name);

    /** How the checkpoint's weights were rewritten. */
    default WeightRegime weightRegime() {
        return WeightRegime.RAW;
    }

    /** The soft cap c of its logits, {@code c·tanh(x / c)}; 0 for none. */
    default double logitCap() {
        return 0;
    }

    /** In which numbers products are computed. */
    default Precision precision() {
        return Precision.FP32;
    }

    /** SHA-256 over the weights' files, in hexadecimal; the same under every weight regime. */
    String weightsChecksum();

    /**
     * The documents that were held out when the model was trained: first 16 hexadecimal digits of the SHA-256 of each
     * text, white space collapsed, outer {@code " ,."} stripped. Empty if the model does not say.
     */
    List<String> heldOutHashes();

    /**
     * Runs the model over token sequences, only as far as the taps and {@code want} need.
     *
     * @throws dev.loupe.base.UsageException for an unknown hook point, an id outside the vocabulary or a sequence longer
     *     than the model's context
     */
    Forward forward(TokenBatch tokens, Taps taps, Want want);

    /**
     * Runs the model forward and then back, from a metric of the last logits or from hook points. Gradients pass a hook
     * point edited by {@code taps} unchanged, as if its editor had added a constant.
     */
    Backward backward(TokenBatch tokens, Taps taps, BackwardPlan plan);

    /**
     * Runs the model forward and then back from a metric of the last logits.
     *
     * @param wrt the hook points whose gradients are wanted; all but {@code hook_scale}
     */
    default Backward backward(TokenBatch tokens, Taps taps, LogitSeed seed, Rules rules, Collection<HookPoint> wrt) {
        return backward(tokens, taps, BackwardPlan.of(seed, rules, wrt));
    }

    /**
     * Runs forward once, to go back many times.
     *
     * @param keepBytes memory that intermediate values may take; where they need more, every way back runs forward anew
     */
    default KeptPass keep(TokenBatch tokens, Taps taps, long keepBytes) {
        return KeptPass.again(this, tokens, taps);
    }

    /**
     * Prepares many runs over the same tokens that differ only from a position on.
     *
     * @param position the first position that any of them changes
     */
    default Variations variations(int[] tokens, int position) {
        return new WholeRuns(this, tokens);
    }

    /**
     * Continues a prompt with a cache of keys and values. Editors run on the prompt and on every new token (see
     * {@link Activation#startPosition}); reads are refused, because nothing would keep them. Texts that are asked for at
     * the same time are written together, token by token.
     *
     * @param listener hears the text in the calling thread; how fast it is does not matter to other texts
     * @throws BusyException if too many texts wait already
     */
    Generation generate(int[] prompt, Sampling sampling, Taps taps, TokenListener listener);

    /**
     * Begins to continue a prompt, beside all others that were begun. Same rules as {@link #generate}; editors run in a
     * thread of the model.
     *
     * @throws BusyException if too many texts wait already
     */
    default Continuation begin(int[] prompt, Sampling sampling, Taps taps) {
        return Continuation.later(listener -> generate(prompt, sampling, taps, listener));
    }

    /** Texts that are being written or wait for it; 0 where they are written while they are heard. */
    default int writing() {
        return 0;
    }

    /**
     * Continues several prompts together, each as it would be continued alone up to rounding.
     *
     * @param taps editors, one set for all: each sees one row at a time
     */
    default List<Generation> generate(List<int[]> prompts, Sampling sampling, Taps taps) {
        List<Continuation> begun =
                prompts.stream().map(p -> begin(p, sampling, taps)).toList();
        return begun.stream().map(c -> c.listen(TokenListener.silent())).toList();
    }

    /**
     * What directions of the residual stream say about the next token when they are read by the unembedding alone
     * (nostalgebraist, "interpreting GPT: the logit lens", 2020).
     *
     * @param directions {@code [n, d_model]}, for example decoder rows of a sparse autoencoder
     * @param foldFinalNorm whether the last norm's gain is multiplied in, as the model itself does; its division by the
     *     root mean square of the whole residual stream has no counterpart for a single direction and is left out
     * @return logits {@code [n, d_vocab]}, without any bias
     */
    Matrix logitLens(Matrix directions, boolean foldFinalNorm);

    /**
     * The logits that the model would give if these were values of the residual stream behind its last block: last norm,
     * unembedding, biases and soft cap, exactly as in a pass.
     *
     * @param residuals {@code [n, d_model]}
     * @return logits {@code [n, d_vocab]}
     */
    default Matrix logitsOf(Matrix residuals) {
        throw new UnsupportedOperationException();
    }

    /** How its MLPs compute. */
    default MlpKind mlp() {
        throw new UnsupportedOperationException();
    }

    /**
     * The weights of one matrix product of a block.
     *
     * @throws dev.loupe.base.UsageException if there is no such layer, or the MLP has no gate and the product is that of
     *     {@link Projection#MLP_LINEAR}
     */
    default ProjectionWeights projection(int layer, Projection which) {
        throw new UnsupportedOperationException();
    }

    @Override
    void close();
}
