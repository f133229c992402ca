package dev.loupe.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.LoupeException;
import dev.loupe.base.NotFoundException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Model folders as they are found on disk: whole, sharded, damaged, unsupported. */
class OpeningTest {
    @Test
    void models_that_cannot_be_opened_say_why(@TempDir Path other) throws IOException {
        Path builtin = Golden.builtin(other.resolve("cache"));
        assertThatThrownBy(() -> LanguageModels.open(other.resolve("none"), ModelOptions.defaults()))
                .isInstanceOf(NotFoundException.class)
                .hasMessageContaining("none");
        assertThatThrownBy(() -> LanguageModels.open(other, ModelOptions.defaults()))
                .isInstanceOf(NotFoundException.class)
                .hasMessageContaining("config.json");
        String config = Files.readString(builtin.resolve("config.json"));
        refused(other, config.replace("LlamaForCausalLM", "T5Model"), "T5Model", "LlamaForCausalLM");
        refused(other, config.replace("\"silu\"", "\"mish\""), "activation function", "mish", "gelu_new");
        for (String kind : List.of("yarn", "dynamic", "longrope", "su")) {
            refused(
                    other,
                    config.replace("\"rope_type\": \"default\"", "\"rope_type\": \"" + kind + "\""),
                    "\"" + kind + "\" is not supported",
                    "default, linear and llama3");
        }
        refused(other, config.replace("\"num_key_value_heads\": 3", "\"num_key_value_heads\": 4"), "heads", "4");
        refused(other, config.replace("\"hidden_size\": 192", "\"hidden_size\": \"x\""), "hidden_size", "whole number");
        Files.writeString(other.resolve("config.json"), config);
        assertThatThrownBy(() -> LanguageModels.open(other, ModelOptions.defaults()))
                .isInstanceOf(NotFoundException.class)
                .hasMessageContaining("tokenizer.json");
        Files.copy(builtin.resolve("tokenizer.json"), other.resolve("tokenizer.json"));
        assertThatThrownBy(() -> LanguageModels.open(other, ModelOptions.defaults()))
                .isInstanceOf(NotFoundException.class)
                .hasMessageContaining("model.safetensors");
        byte[] weights = Files.readAllBytes(builtin.resolve("model.safetensors"));
        Files.write(other.resolve("model.safetensors"), java.util.Arrays.copyOf(weights, weights.length / 2));
        assertThatThrownBy(() -> LanguageModels.open(other, ModelOptions.defaults()))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("incomplete");
        Files.write(other.resolve("model.safetensors"), weights);
        refused(other, config.replace("\"intermediate_size\": 512", "\"intermediate_size\": 513"), "gate_proj", "513");
        refused(other, config.replace("\"num_hidden_layers\": 6", "\"num_hidden_layers\": 7"), "layers.6", "lack");
    }

    private static void refused(Path folder, String config, String... parts) throws IOException {
        Files.writeString(folder.resolve("config.json"), config);
        assertThatThrownBy(() -> LanguageModels.open(folder, ModelOptions.defaults()))
                .isInstanceOf(LoupeException.class)
                .satisfies(e -> assertThat(e.getMessage()).contains(parts));
    }

    @Test
    void a_sharded_checkpoint_is_the_same_model(@TempDir Path other) throws IOException {
        Path folder = Files.createDirectories(other.resolve("whole"));
        Golden.tiny("tiny-llama", folder);
        for (String file : List.of("config.json", "tokenizer.json")) {
            Files.copy(folder.resolve("tiny-llama").resolve(file), other.resolve(file));
        }
        Files.copy(folder.resolve("tiny-llama/model.safetensors"), other.resolve("model-00001-of-00001.safetensors"));
        Path index = other.resolve("model.safetensors.index.json");
        StringBuilder map = new StringBuilder();
        try (SafetensorsFile file = SafetensorsFile.open(folder.resolve("tiny-llama/model.safetensors"))) {
            file.tensors()
                    .keySet()
                    .forEach(name -> map.append(map.isEmpty() ? "" : ",")
                            .append("\"" + name + "\":\"model-00001-of-00001.safetensors\""));
        }
        Files.writeString(index, "{\"weight_map\":{" + map + "}}");
        TokenBatch batch = TokenBatch.of(new int[] {1, 2, 3});
        try (LanguageModel whole = LanguageModels.open(folder.resolve("tiny-llama"), ModelOptions.defaults());
                LanguageModel sharded =
                        LanguageModels.open(other, ModelOptions.defaults().withId("mine"))) {
            assertThat(sharded.id()).isEqualTo("mine");
            assertThat(sharded.forward(batch, Taps.none(), Want.LAST_LOGITS).lastLogits(0))
                    .isEqualTo(
                            whole.forward(batch, Taps.none(), Want.LAST_LOGITS).lastLogits(0));
        }
        Files.writeString(index, "{\"weight_map\":{\"a\":\"../../etc/passwd.safetensors\"}}");
        assertThatThrownBy(() -> LanguageModels.open(other, ModelOptions.defaults()))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("its own folder");
        Files.writeString(index, "{\"weight_map\":{\"a\":\"model-00001-of-00001.safetensors\"}}");
        assertThatThrownBy(() -> LanguageModels.open(other, ModelOptions.defaults()))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("lack");
    }

    @Test
    void the_checksum_is_that_of_the_file_as_it_was_opened_even_if_another_took_its_name(@TempDir Path dir)
            throws IOException {
        Path folder = Golden.tiny("tiny-llama", dir);
        Path weights = folder.resolve("model.safetensors");
        String sum = dev.loupe.base.Checksums.sha256(weights);
        try (LanguageModel model = LanguageModels.open(folder, ModelOptions.defaults())) {
            Path other = Files.write(dir.resolve("other"), new byte[100]);
            Files.move(other, weights, java.nio.file.StandardCopyOption.REPLACE_EXISTING);
            assertThat(model.weightsChecksum()).isEqualTo(sum);
            assertThat(model.weightsChecksum()).isEqualTo(sum);
        }
    }
}
