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

    /** SHA-256 over the weights' files, in hexadecimal. */
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
     * Prepares many runs over the same tokens that differ only from a position on.
     *
     * @param position the first position that any of them changes
     */
    default Variations variations(int[] tokens, int position) {
        return new WholeRuns(this, tokens);
    }

    /**
     * Continues a prompt with a cache of keys and values. Editors run on the prompt and on every new token (see
     * {@link Activation#startPosition}); reads are refused, because nothing would keep them.
     */
    Generation generate(int[] prompt, Sampling sampling, Taps taps, TokenListener listener);

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

    @Override
    void close();
}
