package dev.loupe.model;

import dev.loupe.base.Json;
import dev.loupe.model.gguf.GgufFile;
import dev.loupe.model.gguf.GgufMetadata;
import dev.loupe.model.gguf.GgufTensor;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * The description of a model in the terms of {@code config.json}, from the metadata of a GGUF file (keys: {@code
 * gguf-py/gguf/constants.py} of llama.cpp). What llama.cpp knows by the name of an architecture and does not write is
 * filled in here or by {@link Families}; what would be computed wrongly is refused.
 */
final class GgufConfig {
    /** Architectures of GGUF files and the families they stand for. */
    private static final Map<String, String> FAMILIES = Map.of(
            "llama", "LlamaForCausalLM",
            "qwen2", "Qwen2ForCausalLM",
            "qwen3", "Qwen3ForCausalLM",
            "gemma2", "Gemma2ForCausalLM",
            "gemma3", "Gemma3ForCausalLM",
            "gpt2", "GPT2LMHeadModel",
            "gptneox", "GPTNeoXForCausalLM");

    private static final String ARCHITECTURE = "general.architecture";
    private static final String ROPE_FACTORS = "rope_freqs.weight";

    private final GgufFile file;
    private final GgufMetadata meta;
    private final String arch;
    private final ObjectNode json = Json.MAPPER.createObjectNode();

    private GgufConfig(GgufFile file) {
        this.file = file;
        this.meta = file.metadata();
        this.arch = meta.text(ARCHITECTURE);
    }

    /** The architectures that can be opened, as GGUF files name them. */
    static List<String> supported() {
        return FAMILIES.keySet().stream().sorted().toList();
    }

    /** Whether the converter interleaves rows of queries and keys: of Llama (rotation of neighbours), of nobody else. */
    static boolean interleavesQueriesAndKeys(GgufMetadata meta) {
        return meta.text(ARCHITECTURE).equals("llama");
    }

    /** The description as {@code config.json} would have it. */
    static ObjectNode json(GgufFile file) {
        return new GgufConfig(file).make();
    }

    /** The description that the runtime works with. */
    static ModelSpec spec(GgufFile file) {
        ModelSpec spec = ModelSpec.of(file.path(), json(file));
        return spec.withTensors(spec.architecture().tensors().inGguf());
    }

    private ObjectNode make() {
        String family = FAMILIES.get(arch);
        if (family == null) {
            throw meta.refused("its architecture is \"" + arch + "\"; supported are " + String.join(", ", supported()));
        }
        if (meta.integer(arch + ".expert_count", 0) > 0) {
            throw meta.refused("it is a mixture of experts, which is not supported");
        }
        long window = meta.integer(arch + ".attention.sliding_window", 0);
        if (arch.equals("llama") && window > 0) {
            family = "MistralForCausalLM"; // the same but for its windows
        }
        json.putArray("architectures").add(family);
        number("hidden_size", "embedding_length");
        number("num_hidden_layers", "block_count");
        number("max_position_embeddings", "context_length");
        number("intermediate_size", "feed_forward_length");
        heads();
        json.put("vocab_size", shape("token_embd.weight").getFirst());
        json.put("tie_word_embeddings", !file.has("output.weight"));
        copy("rms_norm_eps", "attention.layer_norm_rms_epsilon");
        copy("layer_norm_epsilon", "attention.layer_norm_epsilon");
        copy("attn_logit_softcapping", "attn_logit_softcapping");
        copy("final_logit_softcapping", "final_logit_softcapping");
        if (window > 0) {
            json.put("sliding_window", window);
            pattern();
        }
        if (meta.has(arch + ".use_parallel_residual")) {
            json.put("use_parallel_residual", meta.flag(arch + ".use_parallel_residual", true));
        }
        json.put("attention_bias", file.has("blk.0.attn_q.bias") || file.has("blk.0.attn_qkv.bias"));
        if (file.has("blk.0.ffn_gate.bias")) {
            json.put("mlp_bias", true);
        }
        rope();
        tokens();
        return json;
    }

    private void heads() {
        long heads = constant("attention.head_count");
        long kv = meta.has(arch + ".attention.head_count_kv") ? constant("attention.head_count_kv") : heads;
        json.put("num_attention_heads", heads);
        json.put("num_key_value_heads", kv);
        long model = meta.integer(arch + ".embedding_length");
        long width = meta.integer(arch + ".attention.key_length", heads > 0 ? model / heads : 0);
        if (meta.integer(arch + ".attention.value_length", width) != width) {
            throw meta.refused("its heads have keys of " + width + " and values of "
                    + meta.integer(arch + ".attention.value_length") + " dimensions, which is not supported");
        }
        json.put("head_dim", width);
        if (arch.startsWith("gemma")) {
            long layers = meta.integer(arch + ".block_count");
            // llama.cpp knows the two 27B models, whose scale is not that of a head, by their number of layers
            boolean byModel = layers == (arch.equals("gemma2") ? 46 : 62);
            json.put("query_pre_attn_scalar", byModel && heads > 0 ? model / heads : width);
        }
        long rotated = meta.integer(arch + ".rope.dimension_count", width);
        if (rotated != width && !arch.equals("gptneox")) {
            throw meta.refused(arch + ".rope.dimension_count is " + rotated + " where heads have " + width
                    + " dimensions, which this architecture does not have");
        }
        if (arch.equals("gptneox") && width > 0) { // the half keeps rounding from taking one away
            json.put("rotary_pct", Math.min(1, (rotated + 0.5) / width));
        }
    }

    /** A number that some files list once for each layer; all must be the same. */
    private long constant(String key) {
        String full = arch + "." + key;
        if (!meta.isList(full)) {
            return meta.integer(full);
        }
        long[] all = meta.integers(full);
        if (all == null || all.length == 0) {
            throw meta.refused(full + " is empty");
        }
        for (long one : all) {
            if (one != all[0]) {
                throw meta.refused(full + " differs between layers, which is not supported");
            }
        }
        return all[0];
    }

    /** Which layers slide, where the file says so: every layer but each n-th, or one flag for each. */
    private void pattern() {
        String key = arch + ".attention.sliding_window_pattern";
        if (meta.isList(key)) {
            long[] sliding = meta.integers(key);
            ArrayNode kinds = json.putArray("layer_types");
            for (long one : sliding == null ? new long[0] : sliding) {
                kinds.add(one != 0 ? "sliding_attention" : "full_attention");
            }
        } else if (meta.has(key)) {
            json.put("sliding_window_pattern", meta.integer(key));
        }
    }

    private void rope() {
        copy("rope_theta", "rope.freq_base");
        if (arch.equals("gemma3")) {
            String local = arch + ".rope.freq_base_swa";
            json.put("rope_local_base_freq", meta.has(local) ? meta.number(local) : 10_000);
        }
        String scaling = arch + ".rope.scaling.";
        String type = meta.text(scaling + "type", "none");
        if (file.has(ROPE_FACTORS)) {
            ObjectNode rope = json.putObject("rope_scaling").put("rope_type", "factors");
            ArrayNode list = rope.putArray("factors");
            for (float factor : factors()) {
                list.add(factor);
            }
        } else if (!type.equals("none")) {
            json.putObject("rope_scaling").put("rope_type", type).put("factor", meta.number(scaling + "factor"));
        } else if (meta.has(arch + ".rope.scale_linear") && meta.number(arch + ".rope.scale_linear") != 1) {
            json.putObject("rope_scaling")
                    .put("rope_type", "linear")
                    .put("factor", meta.number(arch + ".rope.scale_linear"));
        }
    }

    /** What each rotary frequency is divided by (Llama 3.1 and later). */
    private float[] factors() {
        GgufTensor tensor = file.tensor(ROPE_FACTORS);
        if (tensor.elements() > 4096) {
            throw meta.refused(ROPE_FACTORS + " has " + tensor.elements() + " elements");
        }
        float[] factors = new float[(int) tensor.elements()];
        file.readFloats(ROPE_FACTORS, java.lang.foreign.MemorySegment.ofArray(factors));
        return factors;
    }

    private void tokens() {
        copy("bos_token_id", GgufTokenizer.BOS);
        copy("eos_token_id", GgufTokenizer.EOS);
    }

    private List<Long> shape(String tensor) {
        if (!file.has(tensor)) {
            throw meta.refused("it lacks the tensor " + tensor);
        }
        return file.tensor(tensor).shape();
    }

    private void number(String name, String key) {
        json.put(name, meta.integer(arch + "." + key));
    }

    /** Copies a number that may be missing. */
    private void copy(String name, String key) {
        String full = key.startsWith("tokenizer.") ? key : arch + "." + key;
        @Nullable Double value = meta.has(full) ? meta.number(full) : null;
        if (value != null && value == Math.rint(value) && Math.abs(value) < 1L << 40) {
            json.put(name, value.longValue());
        } else if (value != null) {
            json.put(name, value);
        }
    }
}
