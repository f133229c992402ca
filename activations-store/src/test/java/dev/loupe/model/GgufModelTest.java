package dev.loupe.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.LoupeException;
import dev.loupe.base.NotFoundException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Models from GGUF files that PyPI gguf wrote (tests/python/golden_gguf.py): the same model as the folder they came from. */
class GgufModelTest {
    @TempDir
    Path folder;

    private Path gguf(String name) {
        return Golden.unpack("golden/gguf/" + name + ".gguf", folder.resolve(name + ".gguf"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "tiny-llama",
                "tiny-llama3",
                "tiny-qwen2",
                "tiny-qwen3",
                "tiny-gemma2",
                "tiny-gemma3",
                "tiny-gpt2",
                "tiny-neox",
                "tiny-neox-serial"
            })
    void logits_are_those_of_the_safetensors_checkpoint(String name) throws IOException {
        Path original = Golden.tiny(name, folder);
        Path config = original.resolve("config.json");
        // a GGUF file has no such number: llama.cpp scales by the width of a head
        Files.writeString(
                config,
                Files.readString(config).replace("\"query_pre_attn_scalar\": 9", "\"query_pre_attn_scalar\": 6"));
        TokenBatch batch = TokenBatch.of(new int[] {1, 7, 3, 9, 22, 5, 38, 2}, new int[] {4, 5, 6});
        try (LanguageModel expected = LanguageModels.open(original, ModelOptions.defaults());
                LanguageModel actual = LanguageModels.open(gguf(name), ModelOptions.defaults())) {
            assertThat(actual.id()).isEqualTo(name);
            assertThat(actual.config().parameters()).isEqualTo(expected.config().parameters());
            assertThat(actual.config().nCtx()).isEqualTo(expected.config().nCtx());
            assertThat(actual.hooks()).isEqualTo(expected.hooks());
            for (int row = 0; row < 2; row++) {
                assertThat(Golden.error(
                                actual.forward(batch, Taps.none(), Want.LAST_LOGITS)
                                        .lastLogits(row),
                                expected.forward(batch, Taps.none(), Want.LAST_LOGITS)
                                        .lastLogits(row)))
                        .isLessThan(2e-6);
            }
        }
    }

    @Test
    void a_file_alone_in_a_folder_is_found_and_two_are_refused() throws IOException {
        Path home = Files.createDirectories(folder.resolve("home"));
        assertThat(LanguageModels.isModel(home)).isFalse();
        Files.copy(gguf("tiny-qwen3"), home.resolve("weights.gguf"));
        assertThat(LanguageModels.isModel(home)).isTrue();
        assertThat(LanguageModels.isModel(home.resolve("weights.gguf"))).isTrue();
        assertThat(LanguageModels.describe(home).family()).isEqualTo("Qwen3ForCausalLM");
        Files.copy(gguf("tiny-qwen3"), home.resolve("other.gguf"));
        assertThat(LanguageModels.isModel(home)).isFalse();
        assertThatThrownBy(() -> LanguageModels.describe(home))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("2 GGUF files");
        assertThatThrownBy(() -> LanguageModels.open(home.resolve("none.gguf"), ModelOptions.defaults()))
                .isInstanceOf(NotFoundException.class)
                .hasMessageContaining("none.gguf");
    }

    @Test
    void what_cannot_be_used_is_named_with_what_can() throws IOException {
        byte[] whole = Files.readAllBytes(gguf("tiny-qwen3"));
        refused(replaced(whole, "qwen3", "qwen9"), "qwen9", "gemma3, gpt2", "llama");
        refused(replaced(whole, "tokenizer.ggml.model", "tokenizer.ggml.mmmmm"), "tokenizer.ggml.model");
        refused(replaced(whole, "gpt-2", "gpt-9"), "gpt-9", "tokenizer.ggml.pre", "smollm");
        refused(replaced(whole, "qwen3.block_count", "qwen3.block_xxxxx"), "qwen3.block_count");
        refused(replaced(whole, "blk.1.attn_q.weight", "blk.1.attn_x.weight"), "blk.1.attn_q.weight", "lacks");
        refused(replaced(whole, "token_embd", "token_embx"), "token_embd.weight");
        byte[] other = whole.clone();
        int name = find(other, "blk.0.ffn_up.weight") + "blk.0.ffn_up.weight".length();
        ByteBuffer.wrap(other).order(ByteOrder.LITTLE_ENDIAN).putInt(name + 4 + 16, 10); // after two dimensions
        refused(other, "blk.0.ffn_up.weight", "Q2_K", "Q4_K, Q5_K, Q6_K");
        ByteBuffer.wrap(other).order(ByteOrder.LITTLE_ENDIAN).putInt(name + 4 + 16, 99);
        refused(other, "blk.0.ffn_up.weight", "unknown type 99");
        refused(java.util.Arrays.copyOf(whole, whole.length - 64), "ends at byte");
        refused("nonsense that is no model".getBytes(StandardCharsets.UTF_8), "does not begin");
        refused(new byte[0], "does not begin");
    }

    private void refused(byte[] bytes, String... parts) throws IOException {
        Path file = folder.resolve("bad.gguf");
        Files.write(file, bytes);
        assertThatThrownBy(
                        () -> LanguageModels.open(file, ModelOptions.defaults()).close())
                .isInstanceOf(LoupeException.class)
                .satisfies(e -> assertThat(e.getMessage()).contains("bad.gguf").contains(parts));
    }

    /** Every occurrence of a text, replaced by one of the same length. */
    private static byte[] replaced(byte[] bytes, String from, String to) {
        assertThat(to).hasSameSizeAs(from);
        String text = new String(bytes, StandardCharsets.ISO_8859_1);
        assertThat(text).contains(from);
        return text.replace(from, to).getBytes(StandardCharsets.ISO_8859_1);
    }

    private static int find(byte[] bytes, String text) {
        return new String(bytes, StandardCharsets.ISO_8859_1).indexOf(text);
    }
}
