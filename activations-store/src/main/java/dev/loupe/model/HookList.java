package dev.loupe.model;

import java.util.ArrayList;
import java.util.List;

/** The hook points of a model, with the meaning each has in its family. */
final class HookList {
    private final ModelSpec spec;
    private final ModelConfig config;
    private final boolean layerNorm;
    private final List<HookInfo> all = new ArrayList<>();

    HookList(ModelSpec spec) {
        this.spec = spec;
        this.config = spec.config();
        this.layerNorm = spec.architecture().norm() == NormKind.LAYER;
    }

    List<HookInfo> all() {
        int d = config.dModel();
        String scaled = spec.architecture().embedScale() == 1 ? "" : ", times the square root of d_model";
        add("hook_embed", shape(d), d, "Token embeddings" + scaled + ".");
        if (spec.architecture().tensors().positions() != null) {
            add("hook_pos_embed", shape(d), d, "Learned embeddings of the positions.");
        }
        for (int layer = 0; layer < config.nLayers(); layer++) {
            block("blocks." + layer + ".");
        }
        norm("ln_final.", d, "the unembedding");
        return List.copyOf(all);
    }

    private void block(String block) {
        TensorNames tensors = spec.architecture().tensors();
        boolean parallel = spec.architecture().parallel();
        int d = config.dModel();
        add(block + "hook_resid_pre", shape(d), d, "Residual stream entering the block.");
        norm(block + "ln1.", d, "attention");
        attention(block + "attn.");
        if (tensors.ln1Post() != null) {
            norm(block + "ln1_post.", d, "the sum with the residual stream, from attention");
        }
        add(block + "hook_attn_out", shape(d), d, "What attention adds to the residual stream.");
        if (!parallel) {
            add(block + "hook_resid_mid", shape(d), d, "Residual stream between attention and MLP.");
        }
        add(
                block + "hook_mlp_in",
                shape(d),
                d,
                "The MLP's own copy of the residual stream it reads: a change reaches the MLP alone.");
        norm(block + "ln2.", d, "the MLP");
        mlp(block + "mlp.", tensors.mlpLinear() != null);
        if (tensors.ln2Post() != null) {
            norm(block + "ln2_post.", d, "the sum with the residual stream, from the MLP");
        }
        add(block + "hook_mlp_out", shape(d), d, "What the MLP adds to the residual stream.");
        add(block + "hook_resid_post", shape(d), d, "Residual stream leaving the block.");
    }

    private void attention(String attention) {
        int q = config.nHeads() * config.dHead();
        int kv = config.nKeyValueHeads() * config.dHead();
        String queries = "[batch, pos, " + config.nHeads() + ", " + config.dHead() + "]";
        String keys = "[batch, pos, " + config.nKeyValueHeads() + ", " + config.dHead() + "]";
        String square = "[batch, " + config.nHeads() + ", query_pos, key_pos]";
        boolean rotary = spec.architecture().rotaryDims() > 0;
        String before = !rotary
                ? ""
                : spec.architecture().tensors().qNorm() == null
                        ? " before rotation"
                        : " before their norm and before rotation";
        add(attention + "hook_q", queries, q, "Queries" + before + ".");
        add(attention + "hook_k", keys, kv, "Keys" + before + ".");
        add(attention + "hook_v", keys, kv, "Values.");
        if (rotary) {
            add(attention + "hook_rot_q", queries, q, "Queries after rotation by their positions.");
            add(attention + "hook_rot_k", keys, kv, "Keys after rotation by their positions.");
        }
        add(
                attention + "hook_attn_scores",
                square,
                HookInfo.VARIES,
                "Attention scores before the softmax; minus infinity where a query may not look.");
        add(
                attention + "hook_pattern",
                square,
                HookInfo.VARIES,
                "Attention pattern: for each query a distribution over keys.");
        add(attention + "hook_z", queries, q, "Values mixed by the pattern: the heads before the output projection.");
        add(
                attention + "hook_result",
                "[batch, pos, " + config.nHeads() + ", " + config.dModel() + "]",
                Math.multiplyExact(config.nHeads(), config.dModel()),
                "What each head alone gives to the output of attention, before its bias.");
    }

    private void mlp(String mlp, boolean gated) {
        int n = config.dMlp();
        add(mlp + "hook_pre", shape(n), n, "Neurons before the activation function" + (gated ? " (the gate)." : "."));
        if (gated) {
            add(mlp + "hook_pre_linear", shape(n), n, "What the activated gate is multiplied with.");
        }
        add(
                mlp + "hook_post",
                shape(n),
                n,
                gated ? "Neurons: activated gate times the linear part." : "Neurons after the activation function.");
    }

    private void norm(String norm, int width, String before) {
        add(
                norm + "hook_scale",
                shape(1),
                1,
                (layerNorm ? "Standard deviation" : "Root mean square") + " that the norm before " + before
                        + " divides by.");
        add(
                norm + "hook_normalized",
                shape(width),
                width,
                "Output of the norm before " + before + (layerNorm ? ", after gain and bias." : ", before the gain."));
    }

    private void add(String name, String shape, int width, String meaning) {
        HookPoint hook = HookPoint.of(name);
        List<String> aliases = HookAliases.of(hook, spec.architecture().tensors());
        all.add(new HookInfo(hook, shape, width, meaning, aliases));
    }

    private static String shape(int width) {
        return "[batch, pos, " + width + "]";
    }
}
