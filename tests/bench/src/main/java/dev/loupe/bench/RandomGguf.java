package dev.loupe.bench;

import dev.loupe.model.SafetensorsFile;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A Llama-shaped checkpoint as a GGUF file of quantised blocks: Q8_0 or Q4_1, scales by each block's own range. */
final class RandomGguf {
    private static final int BLOCK = 32;
    private static final int FLOAT32 = 0;
    private static final int Q4_1 = 3;
    private static final int Q8_0 = 8;
    private static final int TEXT = 8;
    private static final int LIST = 9;

    private final ByteArrayOutputStream head = new ByteArrayOutputStream();
    private int pairs;

    private RandomGguf() {}

    /** A tensor: its name here and in the checkpoint. */
    private record Tensor(String name, String stored, int type) {}

    /** Writes SmolLM2's shape from its folder. */
    static void write(Path folder, List<String> vocabulary, boolean fourBits, Path target) throws IOException {
        RandomGguf gguf = new RandomGguf();
        gguf.text("general.architecture", "llama");
        gguf.number("llama.block_count", 30);
        gguf.number("llama.context_length", 2048);
        gguf.number("llama.embedding_length", 576);
        gguf.number("llama.feed_forward_length", 1536);
        gguf.number("llama.attention.head_count", 9);
        gguf.number("llama.attention.head_count_kv", 3);
        gguf.real("llama.attention.layer_norm_rms_epsilon", 1e-5f);
        gguf.real("llama.rope.freq_base", 100_000);
        gguf.text("tokenizer.ggml.model", "gpt2");
        gguf.text("tokenizer.ggml.pre", "smollm");
        gguf.texts("tokenizer.ggml.tokens", vocabulary);
        gguf.texts("tokenizer.ggml.merges", List.of());
        try (SafetensorsFile file = SafetensorsFile.open(folder.resolve("model.safetensors"));
                OutputStream out = Files.newOutputStream(target)) {
            gguf.tensors(file, tensors(fourBits ? Q4_1 : Q8_0), out);
        }
    }

    private static List<Tensor> tensors(int type) {
        List<Tensor> all = new ArrayList<>();
        all.add(new Tensor("token_embd.weight", "model.embed_tokens.weight", type));
        for (int l = 0; l < 30; l++) {
            String to = "blk." + l + ".";
            String from = "model.layers." + l + ".";
            all.add(new Tensor(to + "attn_norm.weight", from + "input_layernorm.weight", FLOAT32));
            all.add(new Tensor(to + "attn_q.weight", from + "self_attn.q_proj.weight", type));
            all.add(new Tensor(to + "attn_k.weight", from + "self_attn.k_proj.weight", type));
            all.add(new Tensor(to + "attn_v.weight", from + "self_attn.v_proj.weight", type));
            all.add(new Tensor(to + "attn_output.weight", from + "self_attn.o_proj.weight", type));
            all.add(new Tensor(to + "ffn_norm.weight", from + "post_attention_layernorm.weight", FLOAT32));
            all.add(new Tensor(to + "ffn_gate.weight", from + "mlp.gate_proj.weight", type));
            all.add(new Tensor(to + "ffn_up.weight", from + "mlp.up_proj.weight", type));
            all.add(new Tensor(to + "ffn_down.weight", from + "mlp.down_proj.weight", type));
        }
        all.add(new Tensor("output_norm.weight", "model.norm.weight", FLOAT32));
        return all;
    }

    private void tensors(SafetensorsFile file, List<Tensor> tensors, OutputStream out) throws IOException {
        ByteArrayOutputStream list = new ByteArrayOutputStream();
        long offset = 0;
        for (Tensor t : tensors) {
            List<Long> shape = file.tensor(t.stored()).shape();
            list.write(string(t.name()));
            list.write(little(4).putInt(shape.size()).array());
            for (int i = shape.size() - 1; i >= 0; i--) {
                list.write(little(8).putLong(shape.get(i)).array());
            }
            list.write(little(12).putInt(t.type()).putLong(offset).array());
            offset += padded(bytes(t.type(), file.tensor(t.stored()).elements()));
        }
        out.write(little(24)
                .putInt(0x46554747)
                .putInt(3)
                .putLong(tensors.size())
                .putLong(pairs)
                .array());
        head.writeTo(out);
        list.writeTo(out);
        long written = 24L + head.size() + list.size();
        out.write(new byte[(int) (padded(written) - written)]);
        for (Tensor t : tensors) {
            byte[] values = blocks(t.type(), file.floats(t.stored()));
            out.write(values);
            out.write(new byte[(int) (padded(values.length) - values.length)]);
        }
    }

    private static long bytes(int type, long n) {
        return type == FLOAT32 ? 4 * n : n / BLOCK * (type == Q8_0 ? 34 : 20);
    }

    private static byte[] blocks(int type, float[] values) {
        ByteBuffer out = little((int) bytes(type, values.length));
        if (type == FLOAT32) {
            out.asFloatBuffer().put(values);
            return out.array();
        }
        for (int i = 0; i < values.length; i += BLOCK) {
            float low = Float.POSITIVE_INFINITY;
            float high = Float.NEGATIVE_INFINITY;
            for (int j = i; j < i + BLOCK; j++) {
                low = Math.min(low, values[j]);
                high = Math.max(high, values[j]);
            }
            float d = type == Q8_0 ? Math.max(-low, high) / 127 : (high - low) / 15;
            out.putShort(Float.floatToFloat16(d));
            if (type == Q8_0) {
                for (int j = i; j < i + BLOCK; j++) {
                    out.put((byte) Math.round(values[j] / d));
                }
            } else {
                out.putShort(Float.floatToFloat16(low));
                for (int j = i; j < i + BLOCK / 2; j++) {
                    int even = Math.clamp(Math.round((values[j] - low) / d), 0, 15);
                    int odd = Math.clamp(Math.round((values[j + BLOCK / 2] - low) / d), 0, 15);
                    out.put((byte) (even | odd << 4));
                }
            }
        }
        return out.array();
    }

    private static long padded(long bytes) {
        return Math.ceilDiv(bytes, 32L) * 32;
    }

    private void key(String name, int type) throws IOException {
        head.write(string(name));
        head.write(little(4).putInt(type).array());
        pairs++;
    }

    private void text(String name, String value) throws IOException {
        key(name, TEXT);
        head.write(string(value));
    }

    private void number(String name, int value) throws IOException {
        key(name, 4);
        head.write(little(4).putInt(value).array());
    }

    private void real(String name, float value) throws IOException {
        key(name, 6);
        head.write(little(4).putFloat(value).array());
    }

    private void texts(String name, List<String> values) throws IOException {
        key(name, LIST);
        head.write(little(12).putInt(TEXT).putLong(values.size()).array());
        for (String value : values) {
            head.write(string(value));
        }
    }

    private static byte[] string(String value) {
        byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
        return little(8 + bytes.length).putLong(bytes.length).put(bytes).array();
    }

    private static ByteBuffer little(int bytes) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }
}
