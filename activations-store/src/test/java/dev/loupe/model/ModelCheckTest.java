package dev.loupe.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.LoupeException;
import dev.loupe.base.NotFoundException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Reference values that tests/python/model_reference.py wrote. */
class ModelCheckTest {
    @TempDir
    Path folder;

    @Test
    void the_embedded_model_agrees_with_the_reference_that_it_ships_with() {
        Path builtin = Golden.builtin(folder);
        Path file = builtin.resolve(ModelCheck.FILE);
        try (LanguageModel model = LanguageModels.open(builtin, ModelOptions.defaults())) {
            ModelCheck.Report report = ModelCheck.run(model, file, ModelCheck.TOLERANCE);
            assertThat(report.passed()).isTrue();
            assertThat(report.prompts()).isEqualTo(2);
            assertThat(report.rows())
                    .extracting(ModelCheck.Row::kind)
                    .contains(
                            "tokens",
                            "logits",
                            "most likely token",
                            "loss",
                            "hook_resid_post",
                            "attn.hook_z",
                            "mlp.hook_post");
            assertThat(report.rows()).allSatisfy(row -> assertThat(row.error()).isLessThan(1e-5));
            assertThat(ModelCheck.run(model, file, 1e-9).passed()).isFalse();
        }
        try (LanguageModel other = LanguageModels.open(
                builtin, ModelOptions.defaults().withWeights(WeightRegime.parse("center_unembed")))) {
            ModelCheck.Report report = ModelCheck.run(other, file, ModelCheck.TOLERANCE);
            assertThat(report.passed()).isFalse();
            assertThat(report.rows())
                    .filteredOn(row -> row.error() > 1e-5)
                    .extracting(ModelCheck.Row::kind)
                    .containsExactly("logits");
        }
    }

    @Test
    void files_that_hold_no_reference_of_this_model_are_refused() throws Exception {
        Path reference = Golden.builtin(folder).resolve(ModelCheck.FILE);
        try (LanguageModel tiny = LanguageModels.open(Golden.tiny("tiny-llama", folder), ModelOptions.defaults())) {
            assertThatThrownBy(() -> ModelCheck.run(tiny, folder.resolve("none"), 1))
                    .isInstanceOf(NotFoundException.class)
                    .hasMessageContaining("model_reference.py");
            assertThatThrownBy(() -> ModelCheck.run(tiny, reference, 1)).isInstanceOf(LoupeException.class);
            assertThatThrownBy(() -> ModelCheck.run(tiny, folder.resolve("tiny-llama/model.safetensors"), 1))
                    .isInstanceOf(LoupeException.class)
                    .hasMessageContaining("no reference values");
            Path bad = folder.resolve("bad.safetensors");
            new SafetensorsWriter()
                    .metadata(Map.of("loupe_reference", "{\"format\":\"1.0\",\"prompts\":[\"a\"]}"))
                    .add("ids.0", new float[1], 1)
                    .write(bad);
            assertThatThrownBy(() -> ModelCheck.run(tiny, bad, 1))
                    .isInstanceOf(LoupeException.class)
                    .hasMessageContaining("ids.0");
            new SafetensorsWriter()
                    .metadata(Map.of("loupe_reference", "{\"format\":\"1.0\",\"prompts\":[]}"))
                    .add("x", new float[1], 1)
                    .write(bad);
            assertThat(ModelCheck.run(tiny, bad, 1).passed()).isFalse(); // nothing was compared
            Files.writeString(bad, "x".repeat(20));
            assertThatThrownBy(() -> ModelCheck.run(tiny, bad, 1)).isInstanceOf(LoupeException.class);
        }
    }
}
