package dev.loupe.model;

import org.jspecify.annotations.Nullable;

/**
 * A family of decoder-only transformers described as data: what its tensors are called and which of them have biases.
 * The forward and backward passes read this and ask for no family by name.
 *
 * <p>All families here are pre-norm blocks with RMSNorm, rotary positions over whole heads (halves, not pairs), grouped
 * queries and a gated MLP.
 *
 * @param name the checkpoint's {@code architectures} entry
 * @param embed token embedding {@code [d_vocab, d_model]}
 * @param finalNorm gain of the last norm {@code [d_model]}
 * @param unembed unembedding {@code [d_vocab, d_model]}; absent where embeddings are tied
 * @param block prefix of a block's tensors, {@code %d} being the layer
 * @param ln1 gain of the norm before attention
 * @param q query projection; {@code .weight} {@code [heads * d_head, d_model]}
 * @param k key projection
 * @param v value projection
 * @param o output projection {@code [d_model, heads * d_head]}
 * @param ln2 gain of the norm before the MLP
 * @param gate projection into the activation function {@code [d_mlp, d_model]}
 * @param up projection that is multiplied with the activated gate
 * @param down projection back {@code [d_model, d_mlp]}
 * @param qNorm gain {@code [d_head]} of an RMSNorm of every head's query before rotation; null if there is none
 * @param kNorm the same for keys
 * @param biasQkv whether queries, keys and values have biases
 * @param biasO whether the attention's output has one
 * @param biasMlp whether the MLP's projections have biases
 * @param activation the activation function
 */
record Architecture(
        String name,
        String embed,
        String finalNorm,
        String unembed,
        String block,
        String ln1,
        String q,
        String k,
        String v,
        String o,
        String ln2,
        String gate,
        String up,
        String down,
        @Nullable String qNorm,
        @Nullable String kNorm,
        boolean biasQkv,
        boolean biasO,
        boolean biasMlp,
        Nonlinearity activation) {

    /** The tensor names of Llama, which Mistral and Qwen share. */
    static Architecture llamaNames(
            String name, boolean qkNorm, boolean biasQkv, boolean biasO, boolean biasMlp, Nonlinearity activation) {
        return new Architecture(
                name,
                "model.embed_tokens.weight",
                "model.norm.weight",
                "lm_head.weight",
                "model.layers.%d.",
                "input_layernorm.weight",
                "self_attn.q_proj",
                "self_attn.k_proj",
                "self_attn.v_proj",
                "self_attn.o_proj",
                "post_attention_layernorm.weight",
                "mlp.gate_proj",
                "mlp.up_proj",
                "mlp.down_proj",
                qkNorm ? "self_attn.q_norm.weight" : null,
                qkNorm ? "self_attn.k_norm.weight" : null,
                biasQkv,
                biasO,
                biasMlp,
                activation);
    }
}
