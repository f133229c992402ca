package dev.loupe.model;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A family of decoder-only transformers described as data. What differs between models of a family is read from their
 * {@code config.json} ({@link ConfigReader}); the forward and backward passes ask for no family by name.
 *
 * @param name the checkpoint's {@code architectures} entry
 * @param tensors what its tensors are called
 * @param norm its norms
 * @param biasQkv whether queries, keys and values have biases
 * @param biasO whether the attention's output has one
 * @param biasMlp whether the MLP's projections have biases
 * @param windows which layers slide
 * @param scaledScores whether attention scores are divided by {@code sqrt(d_head)}
 * @param scaledEmbedding whether token embeddings are multiplied with {@code sqrt(d_model)}
 * @param defaults what {@code config.json} means where it is silent
 */
record Family(
        String name,
        TensorNames tensors,
        NormKind norm,
        Bias biasQkv,
        Bias biasO,
        Bias biasMlp,
        Windows windows,
        boolean scaledScores,
        boolean scaledEmbedding,
        Map<String, Object> defaults) {

    /**
     * Whether some maps have biases.
     *
     * @param key the entry of {@code config.json} that says so; null if the family always or never has them
     * @param otherwise the answer without that entry
     */
    record Bias(@Nullable String key, boolean otherwise) {
        static final Bias YES = new Bias(null, true);
        static final Bias NO = new Bias(null, false);
        static final Bias ATTENTION = new Bias("attention_bias", false);
    }

    /** Which layers see a window of keys instead of all; {@code layer_types} overrules all but the first two. */
    enum Windows {
        NONE,
        /** As {@code attention_layers} (or {@code attention_types}) lists them, with {@code window_size}. */
        LISTED,
        /** All, where {@code sliding_window} is a number. */
        ALL,
        /** Those from {@code max_window_layers} on, where {@code use_sliding_window} is true. */
        UPPER,
        /** Every layer but each n-th, n being {@code sliding_window_pattern}. */
        PATTERN
    }
}
