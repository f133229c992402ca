package dev.loupe.model;

import dev.loupe.model.Family.Bias;
import dev.loupe.model.Family.Windows;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The table of families. Adding one that has the parts of {@link TensorNames} means adding a row. */
final class Families {
    private static final String ACTIVATION = "hidden_act";
    private static final String TIED = "tie_word_embeddings";
    private static final String PATTERN = "sliding_window_pattern";

    private static final Map<String, Object> GEMMA2 = Map.of(
            ACTIVATION,
            "gelu_pytorch_tanh",
            TIED,
            true,
            PATTERN,
            2,
            "attn_logit_softcapping",
            50.0,
            "final_logit_softcapping",
            30.0,
            "query_pre_attn_scalar",
            256);

    /** What the configuration class of the reference implementation assumes; published files of Gemma 3 lean on it. */
    private static final Map<String, Object> GEMMA3 = Map.ofEntries(
            Map.entry(ACTIVATION, "gelu_pytorch_tanh"),
            Map.entry(TIED, true),
            Map.entry(PATTERN, 6),
            Map.entry("query_pre_attn_scalar", 256),
            Map.entry("num_attention_heads", 8),
            Map.entry("num_key_value_heads", 4),
            Map.entry("head_dim", 256),
            Map.entry("vocab_size", 262_208),
            Map.entry("max_position_embeddings", 131_072),
            Map.entry("rope_theta", 1_000_000.0),
            Map.entry("rope_local_base_freq", 10_000.0),
            Map.entry("sliding_window", 4096));

    private static final Map<String, Family> ALL = byName(
            gated("LlamaForCausalLM", TensorNames.llama(false, false), Bias.ATTENTION, Bias.ATTENTION, Windows.NONE),
            gated("MistralForCausalLM", TensorNames.llama(false, false), Bias.ATTENTION, Bias.ATTENTION, Windows.ALL),
            gated("Qwen2ForCausalLM", TensorNames.llama(false, false), Bias.YES, Bias.NO, Windows.UPPER),
            gated("Qwen3ForCausalLM", TensorNames.llama(true, false), Bias.ATTENTION, Bias.ATTENTION, Windows.UPPER),
            gemma("Gemma2ForCausalLM", false, GEMMA2),
            gemma("Gemma3ForCausalLM", true, GEMMA3),
            gemma("Gemma3ForConditionalGeneration", true, GEMMA3),
            layerNorm(
                    "GPT2LMHeadModel",
                    TensorNames.gpt2(),
                    Bias.YES,
                    Bias.YES,
                    Bias.YES,
                    Windows.NONE,
                    true,
                    Map.of(ACTIVATION, "gelu_new", TIED, true, "layer_norm_epsilon", 1e-5)),
            layerNorm(
                    "GPTNeoForCausalLM",
                    TensorNames.gptNeo(),
                    Bias.NO,
                    Bias.YES,
                    Bias.YES,
                    Windows.LISTED,
                    false,
                    Map.of(ACTIVATION, "gelu_new", TIED, true, "layer_norm_epsilon", 1e-5, "window_size", 256)),
            layerNorm(
                    "GPTNeoXForCausalLM",
                    TensorNames.gptNeoX(),
                    new Bias("attention_bias", true),
                    new Bias("attention_bias", true),
                    Bias.YES,
                    Windows.NONE,
                    true,
                    Map.of(
                            ACTIVATION,
                            "gelu",
                            "layer_norm_eps",
                            1e-5,
                            "rotary_pct",
                            0.25,
                            "use_parallel_residual",
                            true)),
            layerNorm(
                    "OPTForCausalLM",
                    TensorNames.opt(),
                    new Bias("enable_bias", true),
                    new Bias("enable_bias", true),
                    new Bias("enable_bias", true),
                    Windows.NONE,
                    true,
                    Map.of(ACTIVATION, "relu", TIED, true, "layer_norm_eps", 1e-5)));

    private Families() {}

    /** The family of a checkpoint's {@code architectures} entry; null if it is not supported. */
    static @Nullable Family named(String architecture) {
        return ALL.get(architecture);
    }

    /** The names of all families. */
    static List<String> names() {
        return List.copyOf(ALL.keySet());
    }

    private static Family gated(String name, TensorNames tensors, Bias qkv, Bias o, Windows windows) {
        return new Family(
                name,
                tensors,
                NormKind.RMS,
                qkv,
                o,
                new Bias("mlp_bias", false),
                windows,
                true,
                false,
                Map.of(ACTIVATION, "silu", "rms_norm_eps", 1e-6));
    }

    private static Family gemma(String name, boolean qkNorm, Map<String, Object> defaults) {
        return new Family(
                name,
                TensorNames.llama(qkNorm, true),
                NormKind.RMS_LESS_ONE,
                Bias.ATTENTION,
                Bias.ATTENTION,
                Bias.NO,
                Windows.PATTERN,
                true,
                true,
                defaults);
    }

    private static Family layerNorm(
            String name,
            TensorNames tensors,
            Bias qkv,
            Bias o,
            Bias mlp,
            Windows windows,
            boolean scaledScores,
            Map<String, Object> defaults) {
        return new Family(name, tensors, NormKind.LAYER, qkv, o, mlp, windows, scaledScores, false, defaults);
    }

    private static Map<String, Family> byName(Family... families) {
        Map<String, Family> map = new LinkedHashMap<>();
        for (Family family : families) {
            map.put(family.name(), family);
        }
        return map;
    }
}
