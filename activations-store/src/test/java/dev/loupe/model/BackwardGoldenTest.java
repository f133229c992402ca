package dev.loupe.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.TreeMap;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Gradients and rules against PyTorch's autograd (tests/python/golden_model.py): the same network written out with the
 * terms detached that a rule takes for constants.
 */
class BackwardGoldenTest {
    private static final double TOLERANCE = 1e-5;

    @TempDir
    Path folder;

    @ParameterizedTest
    @ValueSource(
            strings = {
                "builtin",
                "tiny-llama",
                "tiny-mistral",
                "tiny-qwen2",
                "tiny-qwen3",
                "tiny-llama3",
                "tiny-linear",
                "tiny-window",
                "tiny-gpt2",
                "tiny-gpt2-untied",
                "tiny-neo",
                "tiny-neox",
                "tiny-neox-serial",
                "tiny-opt",
                "tiny-gemma2",
                "tiny-gemma3"
            })
    void gradients_at_every_hook_point_under_every_rule_agree_with_autograd(String name) {
        boolean builtin = name.equals("builtin");
        Path path = builtin ? Golden.builtin(folder) : Golden.tiny(name, folder);
        String resource = builtin ? "golden/builtin.safetensors" : "golden/" + name + "/golden.safetensors";
        try (Golden golden = new Golden(folder.resolve("g"), resource);
                LanguageModel model = LanguageModels.open(path, ModelOptions.defaults())) {
            LogitSeed seed = builtin
                    ? LogitSeed.difference(only(model, " am"), only(model, " are"))
                    : LogitSeed.difference(3, 7);
            TreeMap<String, Double> errors = new TreeMap<>();
            for (String letters : List.of("none", "l", "i", "h", "a", "lih", "liha")) {
                List<String> tensors = golden.names("grad." + letters + ".");
                if (tensors.isEmpty()) {
                    continue;
                }
                List<HookPoint> hooks =
                        tensors.stream().map(t -> hook(t, letters)).distinct().toList();
                Backward back = model.backward(golden.batch(2), Taps.none(), seed, rules(letters), hooks);
                for (int r = 0; r < 2; r++) {
                    assertThat(back.value(r)).isCloseTo(golden.floats("value." + r)[0], within(1e-4));
                }
                for (String tensor : tensors) {
                    int row = tensor.charAt(tensor.length() - 1) - '0';
                    float[] ours = Golden.picked(back.gradient(hook(tensor, letters)), row);
                    errors.put(tensor, Golden.error(ours, golden.floats(tensor)));
                }
            }
            String worst = errors.entrySet().stream()
                    .max(java.util.Map.Entry.comparingByValue())
                    .orElseThrow()
                    .toString();
            System.out.println(name + ": " + errors.size() + " gradients, largest relative error " + worst);
            assertThat(errors)
                    .allSatisfy((tensor, error) -> assertThat(error).as(tensor).isLessThanOrEqualTo(TOLERANCE));
        }
    }

    private static org.assertj.core.data.Offset<Double> within(double x) {
        return org.assertj.core.data.Offset.offset(x);
    }

    private static HookPoint hook(String tensor, String letters) {
        return HookPoint.of(tensor.substring("grad.".length() + letters.length() + 1, tensor.length() - 2));
    }

    private static Rules rules(String letters) {
        return letters.equals("none")
                ? Rules.NONE
                : new Rules(letters.contains("l"), letters.contains("i"), letters.contains("h"), letters.contains("a"));
    }

    private static int only(LanguageModel model, String text) {
        int[] ids = model.tokenizer().encode(text, false);
        assertThat(ids).hasSize(1);
        return ids[0];
    }
}
