package dev.loupe.model;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.base.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/**
 * Tokenizers out of GGUF metadata against independent ones (tests/python/golden_gguf.py): published splitters in Hugging
 * Face's library for byte-level BPE, SentencePiece itself for its own kind.
 */
class GgufTokenizerTest {
    @TempDir
    Path folder;

    private JsonNode golden() throws IOException {
        return Json.MAPPER.readTree(
                Files.readString(Golden.unpack("golden/gguf/tokens.json", folder.resolve("tokens.json"))));
    }

    private HubTokenizer open(String name) {
        try (ModelSource source = source(name)) {
            return HubTokenizer.open(source.folder());
        }
    }

    private ModelSource source(String name) {
        return ModelSource.of(Golden.unpack("golden/gguf/" + name + ".gguf", folder.resolve(name + ".gguf")));
    }

    @ParameterizedTest
    @ValueSource(strings = {"tok-smollm", "tok-llama-bpe", "tok-qwen2", "tok-gpt-2", "tok-olmo", "tok-spm"})
    void ids_are_those_of_the_reference(String name) throws IOException {
        JsonNode golden = golden();
        try (HubTokenizer tokenizer = open(name)) {
            for (int i = 0; i < golden.path("texts").size(); i++) {
                String text = golden.path("texts").get(i).asString();
                List<Integer> expected = new ArrayList<>();
                golden.path("ids").path(name).get(i).forEach(id -> expected.add(id.asInt()));
                assertThat(tokenizer.encode(text, false)).as(text).containsExactly(expected.toArray(Integer[]::new));
                if (name.equals("tok-spm")) {
                    assertThat(tokenizer.decode(tokenizer.encode(text, false))).isEqualTo(text);
                }
            }
        }
    }

    @Test
    void special_tokens_and_settings_are_those_of_the_file() throws IOException {
        try (HubTokenizer t = open("tok-smollm")) {
            assertThat(t.bosId()).isEqualTo(1);
            assertThat(t.eosId()).isEqualTo(2);
            assertThat(t.isSpecial(0)).isTrue();
            assertThat(t.isSpecial(3)).isFalse();
            assertThat(t.encode("Hello")).doesNotContain(1); // byte-level BPE adds BOS only where the file says so
        }
        try (HubTokenizer t = open("tok-llama-bpe")) {
            assertThat(t.encode("Hello")).startsWith(1);
            assertThat(t.encode("Hello", false)).doesNotContain(1);
        }
        try (HubTokenizer t = open("tok-spm")) {
            assertThat(t.bosId()).isEqualTo(1);
            assertThat(t.encode("Hello")).startsWith(1).doesNotContain(2);
            assertThat(t.decode(t.encode("Hello"), true)).isEqualTo("Hello");
        }
        try (ModelSource source = source("tok-qwen2")) {
            JsonNode settings = Json.tree(source.folder().resolve("tokenizer_config.json"));
            assertThat(settings.path("chat_template").asString()).startsWith("{% for m in messages %}");
            assertThat(settings.path("eos_token").asString()).isEqualTo("<|im_end|>");
        }
    }
}
