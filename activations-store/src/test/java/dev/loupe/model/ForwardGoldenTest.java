package dev.loupe.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Forward passes against transformers in float32 (tests/python/golden_model.py). */
class ForwardGoldenTest {
    /** max |difference| / max |reference| of any tensor. */
    private static final double TOLERANCE = 1e-5;

    @TempDir
    Path folder;

    @ParameterizedTest
    @CsvSource({
        "builtin, 2",
        "tiny-llama, 2",
        "tiny-mistral, 2",
        "tiny-qwen2, 2",
        "tiny-qwen3, 2",
        "tiny-llama3, 2",
        "tiny-linear, 2",
        "tiny-window, 2",
        "tiny-gpt2, 2",
        "tiny-gpt2-untied, 2",
        "tiny-neo, 2",
        "tiny-neox, 2",
        "tiny-neox-serial, 2",
        "tiny-opt, 2",
        "tiny-gemma2, 2",
        "tiny-gemma3, 2"
    })
    void logits_losses_and_every_hook_point_agree_with_transformers_in_a_batch_of_unequal_lengths(
            String name, int rows) {
        boolean builtin = name.equals("builtin");
        Path path = builtin ? Golden.builtin(folder) : Golden.tiny(name, folder);
        String resource = builtin ? "golden/builtin.safetensors" : "golden/" + name + "/golden.safetensors";
        try (Golden golden = new Golden(folder.resolve("g"), resource);
                LanguageModel model = LanguageModels.open(path, ModelOptions.defaults())) {
            check(golden, model, rows);
        }
    }

    @Test
    void a_sequence_as_long_as_the_context_keeps_its_positions_apart() {
        try (Golden golden = new Golden(folder.resolve("g"), "golden/builtin.safetensors");
                LanguageModel model = LanguageModels.open(Golden.builtin(folder), ModelOptions.defaults())) {
            assertThat(golden.ids(2)).hasSize(500);
            check(golden, model, 3);
        }
    }

    private static void check(Golden golden, LanguageModel model, int rows) {
        TokenBatch batch = golden.batch(rows);
        List<HookPoint> hooks = new ArrayList<>();
        for (String tensor : golden.names("act.")) {
            HookPoint hook = HookPoint.of(tensor.substring(4, tensor.length() - 2));
            if (!hooks.contains(hook)) {
                hooks.add(hook);
            }
        }
        Taps taps = Taps.read(hooks);
        Forward all = model.forward(batch, taps, Want.ALL_LOGITS);
        Forward last = model.forward(batch, Taps.none(), Want.LAST_LOGITS);
        Forward loss = model.forward(batch, Taps.none(), Want.TOKEN_LOSS);
        Forward partial = model.forward(batch, taps, Want.NOTHING);
        TreeMap<String, Double> errors = new TreeMap<>();
        for (int r = 0; r < rows; r++) {
            float[] logits = golden.floats("logits." + r);
            errors.put("logits." + r, Golden.error(all.lastLogits(r), logits));
            errors.put("last logits." + r, Golden.error(last.lastLogits(r), logits));
            errors.put("loss." + r, Golden.error(loss.tokenLoss()[r], golden.floats("loss." + r)));
            for (HookPoint hook : hooks) {
                String tensor = "act." + hook + "." + r;
                if (golden.has(tensor)) {
                    errors.put(tensor, Golden.error(Golden.picked(all.activation(hook), r), golden.floats(tensor)));
                    assertThat(partial.activation(hook).row(r, 1))
                            .isEqualTo(all.activation(hook).row(r, 1));
                }
            }
        }
        String worst = errors.entrySet().stream()
                .max(java.util.Map.Entry.comparingByValue())
                .orElseThrow()
                .toString();
        System.out.println(model.id() + ": " + errors.size() + " tensors, largest relative error " + worst);
        assertThat(errors)
                .allSatisfy((name, error) -> assertThat(error).as(name).isLessThanOrEqualTo(TOLERANCE));
    }
}
