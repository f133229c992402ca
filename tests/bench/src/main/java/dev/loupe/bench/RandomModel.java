package dev.loupe.bench;

import dev.loupe.base.Json;
import dev.loupe.model.SafetensorsWriter;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/** Models of well-known sizes with random weights, as Hugging Face folders that both sides open. */
enum RandomModel {
    /** SmolLM2-135M: 30 layers, d_model 576, 9 heads over 3 key-value heads, tied. */
    SMOLLM2,
    /** GPT-2 small: 12 layers, d_model 768, tied. */
    GPT2;

    /** A tensor and its sizes. */
    private record Tensor(String name, long... shape) {}

    private static final int ALPHABET = 256;

    String title() {
        return this == SMOLLM2 ? "SmolLM2-135M-sized" : "GPT-2-small-sized";
    }

    int vocab() {
        return this == SMOLLM2 ? 49152 : 50257;
    }

    /** Writes the model as {@code folder/NAME}. */
    Path write(Path folder) throws IOException {
        Path model = Files.createDirectories(folder.resolve(name().toLowerCase(java.util.Locale.ROOT)));
        Json.write(model.resolve("config.json"), this == SMOLLM2 ? llama() : gpt2());
        Json.write(model.resolve("tokenizer.json"), tokenizer());
        SplittableRandom random = new SplittableRandom(1);
        try (Arena arena = Arena.ofConfined()) {
            SafetensorsWriter writer = new SafetensorsWriter().metadata(Map.of("format", "pt"));
            for (Tensor t : this == SMOLLM2 ? llamaTensors() : gpt2Tensors()) {
                long n = 1;
                for (long dim : t.shape()) {
                    n *= dim;
                }
                MemorySegment values = arena.allocate(4 * n, 64);
                boolean gain = t.shape().length == 1 && t.name().endsWith("weight");
                for (long i = 0; i < n; i++) { // uniform, with the deviation 0.03
                    float v = (float) ((random.nextDouble() - 0.5) * 0.03 * Math.sqrt(12));
                    values.setAtIndex(ValueLayout.JAVA_FLOAT, i, gain ? 1 + v : v);
                }
                writer.add(t.name(), values, t.shape());
            }
            writer.write(model.resolve("model.safetensors"));
        }
        return model;
    }

    private static Map<String, Object> llama() {
        Map<String, Object> c = new LinkedHashMap<>();
        c.put("architectures", List.of("LlamaForCausalLM"));
        c.put("model_type", "llama");
        c.put("hidden_size", 576);
        c.put("intermediate_size", 1536);
        c.put("num_hidden_layers", 30);
        c.put("num_attention_heads", 9);
        c.put("num_key_value_heads", 3);
        c.put("vocab_size", 49152);
        c.put("max_position_embeddings", 2048);
        c.put("rms_norm_eps", 1e-5);
        c.put("rope_theta", 100000.0);
        c.put("hidden_act", "silu");
        c.put("tie_word_embeddings", true);
        return c;
    }

    private static List<Tensor> llamaTensors() {
        List<Tensor> all = new ArrayList<>();
        all.add(new Tensor("model.embed_tokens.weight", 49152, 576));
        for (int l = 0; l < 30; l++) {
            String p = "model.layers." + l + ".";
            all.add(new Tensor(p + "input_layernorm.weight", 576));
            all.add(new Tensor(p + "self_attn.q_proj.weight", 576, 576));
            all.add(new Tensor(p + "self_attn.k_proj.weight", 192, 576));
            all.add(new Tensor(p + "self_attn.v_proj.weight", 192, 576));
            all.add(new Tensor(p + "self_attn.o_proj.weight", 576, 576));
            all.add(new Tensor(p + "post_attention_layernorm.weight", 576));
            all.add(new Tensor(p + "mlp.gate_proj.weight", 1536, 576));
            all.add(new Tensor(p + "mlp.up_proj.weight", 1536, 576));
            all.add(new Tensor(p + "mlp.down_proj.weight", 576, 1536));
        }
        all.add(new Tensor("model.norm.weight", 576));
        return all;
    }

    private static Map<String, Object> gpt2() {
        Map<String, Object> c = new LinkedHashMap<>();
        c.put("architectures", List.of("GPT2LMHeadModel"));
        c.put("model_type", "gpt2");
        c.put("n_embd", 768);
        c.put("n_layer", 12);
        c.put("n_head", 12);
        c.put("n_positions", 1024);
        c.put("n_ctx", 1024);
        c.put("vocab_size", 50257);
        c.put("layer_norm_epsilon", 1e-5);
        c.put("activation_function", "gelu_new");
        return c;
    }

    private static List<Tensor> gpt2Tensors() {
        List<Tensor> all = new ArrayList<>();
        all.add(new Tensor("wte.weight", 50257, 768));
        all.add(new Tensor("wpe.weight", 1024, 768));
        for (int l = 0; l < 12; l++) {
            String p = "h." + l + ".";
            both(all, p + "ln_1", 768);
            both(all, p + "attn.c_attn", 768, 2304);
            both(all, p + "attn.c_proj", 768, 768);
            both(all, p + "ln_2", 768);
            both(all, p + "mlp.c_fc", 768, 3072);
            both(all, p + "mlp.c_proj", 3072, 768);
        }
        both(all, "ln_f", 768);
        return all;
    }

    private static void both(List<Tensor> all, String name, long... shape) {
        all.add(new Tensor(name + ".weight", shape));
        all.add(new Tensor(name + ".bias", shape[shape.length - 1]));
    }

    /** The tokens by id. */
    List<String> vocabulary() {
        List<String> tokens = new ArrayList<>();
        int other = 0;
        for (int b = 0; b < ALPHABET; b++) { // GPT-2's alphabet of bytes
            boolean printable = b > 32 && b < 127 || b > 160 && b != 173;
            tokens.add(String.valueOf((char) (printable ? b : 256 + other++)));
        }
        for (int i = ALPHABET; i < vocab(); i++) {
            tokens.add("t" + i);
        }
        return tokens;
    }

    /** Weights of matrices that a pass over one token reads: those of all blocks and the unembedding. */
    long readForToken() {
        long sum = 0;
        for (Tensor t : this == SMOLLM2 ? llamaTensors() : gpt2Tensors()) {
            if (t.shape().length == 2 && !t.name().startsWith("wpe")) {
                sum += t.shape()[0] * t.shape()[1];
            }
        }
        return sum;
    }

    /** One token for every byte, and others that no text becomes. */
    private Map<String, Object> tokenizer() {
        Map<String, Object> vocab = new LinkedHashMap<>();
        vocabulary().forEach(token -> vocab.put(token, vocab.size()));
        Map<String, Object> model = new LinkedHashMap<>();
        model.put("type", "BPE");
        model.put("vocab", vocab);
        model.put("merges", List.of());
        Map<String, Object> byteLevel =
                Map.of("type", "ByteLevel", "add_prefix_space", false, "trim_offsets", true, "use_regex", true);
        Map<String, Object> t = new LinkedHashMap<>();
        t.put("version", "1.0");
        t.put("added_tokens", List.of());
        t.put("pre_tokenizer", byteLevel);
        t.put("decoder", byteLevel);
        t.put("model", model);
        return t;
    }
}
