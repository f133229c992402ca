package dev.loupe.model;

import org.jspecify.annotations.Nullable;

/**
 * What a family calls its tensors, without {@code .weight} and {@code .bias}. Names within a block follow
 * {@link #block}.
 *
 * @param embed token embedding {@code [d_vocab, d_model]}
 * @param positions learned positions {@code [positionOffset + n_ctx, d_model]}; null where positions are rotations
 * @param positionOffset row of position 0
 * @param block prefix of a block's tensors, {@code %d} being the layer
 * @param ln1 the norm before attention
 * @param packing how queries, keys and values are stored
 * @param q query projection {@code [heads * d_head, d_model]}; the one tensor where they are packed
 * @param k key projection
 * @param v value projection
 * @param o output projection {@code [d_model, heads * d_head]}
 * @param qNorm RMSNorm {@code [d_head]} of every head's query before rotation; null if there is none
 * @param kNorm the same for keys
 * @param ln1Post a norm of what attention gives; null if there is none
 * @param ln2 the norm before the MLP
 * @param mlpIn projection into the activation function {@code [d_mlp, d_model]} (of gated MLPs: the gate)
 * @param mlpLinear projection that the activated gate is multiplied with; null if there is none
 * @param mlpOut projection back {@code [d_model, d_mlp]}
 * @param ln2Post a norm of what the MLP gives; null if there is none
 * @param finalNorm the last norm
 * @param unembed unembedding {@code [d_vocab, d_model]}; absent from checkpoints with tied embeddings
 * @param columns whether matrices of blocks are stored {@code [in, out]}
 */
record TensorNames(
        String embed,
        @Nullable String positions,
        int positionOffset,
        String block,
        String ln1,
        Packing packing,
        String q,
        String k,
        String v,
        String o,
        @Nullable String qNorm,
        @Nullable String kNorm,
        @Nullable String ln1Post,
        String ln2,
        String mlpIn,
        @Nullable String mlpLinear,
        String mlpOut,
        @Nullable String ln2Post,
        String finalNorm,
        String unembed,
        boolean columns) {

    /** How queries, keys and values are stored. */
    enum Packing {
        /** Three tensors. */
        APART,
        /** One tensor: all queries, all keys, all values. */
        STACKED,
        /** One tensor: query, key and value of the first head, then of the second. */
        BY_HEAD
    }

    /** The same names for a file in which matrices are stored {@code [out, in]} and packed heads one kind after another. */
    TensorNames inGguf() {
        return new TensorNames(
                embed,
                positions,
                positionOffset,
                block,
                ln1,
                packing == Packing.BY_HEAD ? Packing.STACKED : packing,
                q,
                k,
                v,
                o,
                qNorm,
                kNorm,
                ln1Post,
                ln2,
                mlpIn,
                mlpLinear,
                mlpOut,
                ln2Post,
                finalNorm,
                unembed,
                false);
    }

    /** The names of Llama, which Mistral, Qwen and Gemma share but for their norms. */
    static TensorNames llama(boolean qkNorm, boolean gemmaNorms) {
        return new TensorNames(
                "model.embed_tokens",
                null,
                0,
                "model.layers.%d.",
                "input_layernorm",
                Packing.APART,
                "self_attn.q_proj",
                "self_attn.k_proj",
                "self_attn.v_proj",
                "self_attn.o_proj",
                qkNorm ? "self_attn.q_norm" : null,
                qkNorm ? "self_attn.k_norm" : null,
                gemmaNorms ? "post_attention_layernorm" : null,
                gemmaNorms ? "pre_feedforward_layernorm" : "post_attention_layernorm",
                "mlp.gate_proj",
                "mlp.up_proj",
                "mlp.down_proj",
                gemmaNorms ? "post_feedforward_layernorm" : null,
                "model.norm",
                "lm_head",
                false);
    }

    static TensorNames gpt2() {
        return new TensorNames(
                "transformer.wte",
                "transformer.wpe",
                0,
                "transformer.h.%d.",
                "ln_1",
                Packing.STACKED,
                "attn.c_attn",
                "attn.c_attn",
                "attn.c_attn",
                "attn.c_proj",
                null,
                null,
                null,
                "ln_2",
                "mlp.c_fc",
                null,
                "mlp.c_proj",
                null,
                "transformer.ln_f",
                "lm_head",
                true);
    }

    static TensorNames gptNeo() {
        return new TensorNames(
                "transformer.wte",
                "transformer.wpe",
                0,
                "transformer.h.%d.",
                "ln_1",
                Packing.APART,
                "attn.attention.q_proj",
                "attn.attention.k_proj",
                "attn.attention.v_proj",
                "attn.attention.out_proj",
                null,
                null,
                null,
                "ln_2",
                "mlp.c_fc",
                null,
                "mlp.c_proj",
                null,
                "transformer.ln_f",
                "lm_head",
                false);
    }

    static TensorNames gptNeoX() {
        return new TensorNames(
                "gpt_neox.embed_in",
                null,
                0,
                "gpt_neox.layers.%d.",
                "input_layernorm",
                Packing.BY_HEAD,
                "attention.query_key_value",
                "attention.query_key_value",
                "attention.query_key_value",
                "attention.dense",
                null,
                null,
                null,
                "post_attention_layernorm",
                "mlp.dense_h_to_4h",
                null,
                "mlp.dense_4h_to_h",
                null,
                "gpt_neox.final_layer_norm",
                "embed_out",
                false);
    }

    static TensorNames opt() {
        return new TensorNames(
                "model.decoder.embed_tokens",
                "model.decoder.embed_positions",
                2,
                "model.decoder.layers.%d.",
                "self_attn_layer_norm",
                Packing.APART,
                "self_attn.q_proj",
                "self_attn.k_proj",
                "self_attn.v_proj",
                "self_attn.out_proj",
                null,
                null,
                null,
                "final_layer_norm",
                "fc1",
                null,
                "fc2",
                null,
                "model.decoder.final_layer_norm",
                "lm_head",
                false);
    }
}
