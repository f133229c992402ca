package dev.loupe.model;

import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import dev.loupe.base.NotFoundException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;

/**
 * What {@code config.json} says: the family and the sizes. Refuses anything that would be computed wrongly.
 *
 * @param rope how rotary frequencies are changed
 * @param window how many keys a query sees, its own included (sliding-window attention); 0 for all before it
 */
record ModelSpec(Architecture architecture, ModelConfig config, RopeScaling rope, int window) {
    static final List<String> SUPPORTED =
            List.of("LlamaForCausalLM", "MistralForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM");

    /** Reads the description of a model folder. */
    static ModelSpec read(Path folder) {
        if (!Files.isDirectory(folder)) {
            throw new NotFoundException("There is no model folder " + folder
                    + ": give \"builtin\" or a folder with config.json, model.safetensors and tokenizer.json.");
        }
        Path file = folder.resolve("config.json");
        if (!Files.isRegularFile(file)) {
            throw new NotFoundException("The folder " + folder + " has no config.json, so it is no model folder in the"
                    + " Hugging Face layout.");
        }
        return of(file, Json.tree(file));
    }

    /**
     * Reads a description in the terms of {@code config.json}.
     *
     * @param file where it comes from, for messages
     */
    static ModelSpec of(Path file, JsonNode json) {
        String name = json.path("architectures")
                .path(0)
                .asString(json.path("model_type").asString("unknown"));
        if (!SUPPORTED.contains(name)) {
            throw new LoupeException(
                    "The model of " + file + " is a " + name + "; supported are " + String.join(", ", SUPPORTED) + ".");
        }
        return new Reader(file, json).read(name);
    }

    private record Reader(Path file, JsonNode json) {
        ModelSpec read(String name) {
            if (!json.path("hidden_act").asString("silu").equals("silu")) {
                throw refused("hidden_act is " + json.path("hidden_act") + "; only \"silu\" is supported");
            }
            if (json.path("partial_rotary_factor").asDouble(1) != 1) {
                throw refused("partial_rotary_factor is not 1, which is not supported");
            }
            boolean qwen2 = name.equals("Qwen2ForCausalLM");
            boolean qwen3 = name.equals("Qwen3ForCausalLM");
            boolean attentionBias = json.path("attention_bias").asBoolean(false);
            Architecture architecture = Architecture.llamaNames(
                    name,
                    qwen3,
                    qwen2 || attentionBias,
                    !qwen2 && attentionBias,
                    json.path("mlp_bias").asBoolean(false),
                    Nonlinearity.SILU);
            int dModel = natural("hidden_size");
            int heads = natural("num_attention_heads");
            int kv = json.has("num_key_value_heads") ? natural("num_key_value_heads") : heads;
            int dHead = json.path("head_dim").isIntegralNumber() ? natural("head_dim") : dModel / heads;
            if (heads % kv != 0 || dHead < 2 || dHead % 2 != 0) {
                throw refused(heads + " heads, " + kv + " key-value heads and a head width of " + dHead
                        + " do not fit together");
            }
            int nCtx = natural("max_position_embeddings");
            boolean tied = json.path("tie_word_embeddings").asBoolean(false);
            int layers = natural("num_hidden_layers");
            int dMlp = natural("intermediate_size");
            int vocab = natural("vocab_size");
            long parameters = count(architecture, layers, dModel, heads, kv, dHead, dMlp, vocab, tied);
            return new ModelSpec(
                    architecture,
                    new ModelConfig(
                            name,
                            layers,
                            dModel,
                            heads,
                            kv,
                            dHead,
                            dMlp,
                            vocab,
                            nCtx,
                            json.path("rms_norm_eps").asDouble(1e-6),
                            ropeTheta(),
                            tied,
                            parameters),
                    ropeScaling(),
                    window(qwen2 || qwen3, nCtx));
        }

        private int window(boolean qwen, int nCtx) {
            JsonNode window = json.path("sliding_window");
            boolean slides = json.path("use_sliding_window").asBoolean(!qwen);
            if (!slides || !window.isIntegralNumber() || window.asLong() >= nCtx) {
                return 0;
            }
            if (qwen) { // where it slides in some layers only
                throw refused("use_sliding_window is true, which is not supported for this family");
            }
            return natural("sliding_window");
        }

        private JsonNode rope() {
            return json.has("rope_parameters") ? json.path("rope_parameters") : json.path("rope_scaling");
        }

        private double ropeTheta() {
            return rope().path("rope_theta").asDouble(json.path("rope_theta").asDouble(10_000));
        }

        private RopeScaling ropeScaling() {
            JsonNode rope = rope();
            String type = rope.path("rope_type").asString(rope.path("type").asString("default"));
            return switch (type) {
                case "default" -> RopeScaling.NONE;
                case "linear" -> new RopeScaling(type, positive(rope, "factor"), 1, 1, 1);
                case "llama3" -> {
                    float low = positive(rope, "low_freq_factor");
                    float high = positive(rope, "high_freq_factor");
                    float context = positive(rope, "original_max_position_embeddings");
                    if (high <= low) {
                        throw refused("high_freq_factor " + high + " must be above low_freq_factor " + low);
                    }
                    yield new RopeScaling(type, positive(rope, "factor"), low, high, (int) context);
                }
                default ->
                    throw refused("rotary scaling of type \"" + type
                            + "\" is not supported; supported are default, linear and llama3");
            };
        }

        private float positive(JsonNode rope, String key) {
            double value = rope.path(key).asDouble(Double.NaN);
            if (!(value > 0) || Double.isInfinite(value)) {
                throw refused("the rotary scaling's " + key + " is "
                        + (rope.path(key).isMissingNode()
                                ? "missing"
                                : rope.path(key).toString())
                        + "; it must be a number above 0");
            }
            return (float) value;
        }

        private static long count(
                Architecture a,
                long layers,
                long d,
                long heads,
                long kv,
                long dHead,
                long dMlp,
                long vocab,
                boolean tied) {
            long attention = 2 * d * heads * dHead + 2 * d * kv * dHead;
            long biases = (a.biasQkv() ? (heads + 2 * kv) * dHead : 0)
                    + (a.biasO() ? d : 0)
                    + (a.biasMlp() ? 2 * dMlp + d : 0)
                    + (a.qNorm() == null ? 0 : 2 * dHead);
            return layers * (attention + 3 * d * dMlp + 2 * d + biases) + d + vocab * d * (tied ? 1 : 2);
        }

        private int natural(String key) {
            JsonNode node = json.path(key);
            if (!node.isIntegralNumber() || !node.canConvertToInt() || node.asInt() <= 0) {
                throw refused(key + " is " + (node.isMissingNode() ? "missing" : node.toString())
                        + "; it must be a whole number above 0");
            }
            return node.asInt();
        }

        private LoupeException refused(String why) {
            return new LoupeException("The model description " + file + " cannot be used: " + why + ".");
        }
    }

    /** Every hook point in the order of the forward pass. */
    List<HookInfo> hooks() {
        ModelConfig c = config;
        String residual = shape(c.dModel());
        String queries = "[batch, pos, " + c.nHeads() + ", " + c.dHead() + "]";
        String keys = "[batch, pos, " + c.nKeyValueHeads() + ", " + c.dHead() + "]";
        int q = c.nHeads() * c.dHead();
        int kv = c.nKeyValueHeads() * c.dHead();
        String mlp = shape(c.dMlp());
        List<HookInfo> all = new ArrayList<>();
        all.add(new HookInfo(HookPoint.of("hook_embed"), residual, c.dModel(), "Token embeddings."));
        for (int layer = 0; layer < c.nLayers(); layer++) {
            int l = layer;
            Adder add = (local, shape, width, meaning) ->
                    all.add(new HookInfo(HookPoint.block(l, local), shape, width, meaning));
            add.hook("hook_resid_pre", residual, c.dModel(), "Residual stream entering the block.");
            add.hook("ln1.hook_scale", shape(1), 1, "Root mean square that the norm before attention divides by.");
            add.hook("ln1.hook_normalized", residual, c.dModel(), "Normalised input of attention, before the gain.");
            add.hook(
                    "attn.hook_q",
                    queries,
                    q,
                    "Queries before rotation (and before their norm, where the family has one).");
            add.hook(
                    "attn.hook_k", keys, kv, "Keys before rotation (and before their norm, where the family has one).");
            add.hook("attn.hook_v", keys, kv, "Values.");
            add.hook("attn.hook_rot_q", queries, q, "Queries after rotation by their positions.");
            add.hook("attn.hook_rot_k", keys, kv, "Keys after rotation by their positions.");
            add.hook(
                    "attn.hook_pattern",
                    "[batch, " + c.nHeads() + ", query_pos, key_pos]",
                    HookInfo.VARIES,
                    "Attention pattern: for each query a distribution over keys.");
            add.hook("attn.hook_z", queries, q, "Values mixed by the pattern: the heads before the output projection.");
            add.hook("hook_attn_out", residual, c.dModel(), "What attention adds to the residual stream.");
            add.hook("hook_resid_mid", residual, c.dModel(), "Residual stream between attention and MLP.");
            add.hook("ln2.hook_scale", shape(1), 1, "Root mean square that the norm before the MLP divides by.");
            add.hook("ln2.hook_normalized", residual, c.dModel(), "Normalised input of the MLP, before the gain.");
            add.hook("mlp.hook_pre", mlp, c.dMlp(), "Neurons before the activation function (the gate).");
            add.hook("mlp.hook_pre_linear", mlp, c.dMlp(), "What the activated gate is multiplied with.");
            add.hook("mlp.hook_post", mlp, c.dMlp(), "Neurons: activated gate times the linear part.");
            add.hook("hook_mlp_out", residual, c.dModel(), "What the MLP adds to the residual stream.");
            add.hook("hook_resid_post", residual, c.dModel(), "Residual stream leaving the block.");
        }
        all.add(new HookInfo(
                HookPoint.of("ln_final.hook_scale"), shape(1), 1, "Root mean square that the last norm divides by."));
        all.add(new HookInfo(
                HookPoint.of("ln_final.hook_normalized"),
                residual,
                c.dModel(),
                "Normalised input of the unembedding, before the gain."));
        return List.copyOf(all);
    }

    private static String shape(int width) {
        return "[batch, pos, " + width + "]";
    }

    @FunctionalInterface
    private interface Adder {
        void hook(String local, String shape, int width, String meaning);
    }
}
