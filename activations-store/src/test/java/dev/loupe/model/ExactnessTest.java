package dev.loupe.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every family against transformers and PyTorch's autograd in float32 (tests/python/golden_model.py): logits, losses, every
 * hook point, gradients, and the rules of relevance patching as the same network written out with the terms detached that
 * a rule takes for constants. Prints the table of largest errors by family.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ExactnessTest {
    /** max |difference| / max |reference| of any tensor. */
    private static final double TOLERANCE = 1e-5;

    private static final String BUILTIN = "builtin";
    private static final List<String> RULES = List.of("none", "l", "i", "h", "a", "lih", "liha");
    private final ErrorTable table = new ErrorTable();

    @TempDir
    Path folder;

    /** How the models are opened. */
    ModelOptions options() {
        return ModelOptions.defaults();
    }

    static Stream<String> models() throws IOException {
        Stream<String> first = Stream.concat(Stream.of(BUILTIN), Golden.tinyOnes().stream());
        try (var in = ExactnessTest.class.getResourceAsStream("golden/variants.txt")) {
            return Stream.concat(
                    first, new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toList().stream());
        }
    }

    @AfterAll
    void print() {
        System.out.println("On " + options().device() + ":\n" + table);
    }

    Golden golden(String name) {
        return new Golden(
                folder.resolve("g"),
                name.equals(BUILTIN) ? "golden/builtin.safetensors" : "golden/" + name + "/golden.safetensors");
    }

    LanguageModel open(String name) {
        return LanguageModels.open(
                name.equals(BUILTIN) ? Golden.builtin(folder) : Golden.tiny(name, folder), options());
    }

    @ParameterizedTest
    @MethodSource("models")
    void logits_losses_and_every_hook_point_agree_with_transformers_in_a_batch_of_unequal_lengths(String name) {
        try (Golden golden = golden(name);
                LanguageModel model = open(name)) {
            forward(golden, model, 2);
        }
    }

    @Test
    void a_sequence_as_long_as_the_context_keeps_its_positions_apart() {
        try (Golden golden = golden(BUILTIN);
                LanguageModel model = open(BUILTIN)) {
            assertThat(golden.ids(2)).hasSize(500);
            forward(golden, model, 3);
        }
    }

    private void forward(Golden golden, LanguageModel model, int rows) {
        TokenBatch batch = golden.batch(rows);
        List<HookPoint> hooks = golden.names("act.").stream()
                .map(tensor -> HookPoint.of(tensor.substring(4, tensor.length() - 2)))
                .distinct()
                .toList();
        Taps taps = Taps.read(hooks);
        Forward all = model.forward(batch, taps, Want.ALL_LOGITS);
        Forward last = model.forward(batch, Taps.none(), Want.LAST_LOGITS);
        Forward loss = model.forward(batch, Taps.none(), Want.TOKEN_LOSS);
        Forward partial = model.forward(batch, taps, Want.NOTHING);
        TreeMap<String, Double> errors = new TreeMap<>();
        for (int r = 0; r < rows; r++) {
            float[] logits = golden.floats("logits." + r);
            errors.put("logits." + r, Golden.error(all.lastLogits(r), logits));
            errors.put("logits at the end." + r, Golden.error(last.lastLogits(r), logits));
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
        errors.forEach((tensor, error) -> table.add(
                model,
                tensor.startsWith("act.") ? ErrorTable.HOOKS : tensor.substring(0, tensor.startsWith("loss") ? 4 : 6),
                error));
        check(errors);
    }

    @ParameterizedTest
    @MethodSource("models")
    void gradients_under_every_rule_agree_with_autograd(String name) {
        try (Golden golden = golden(name);
                LanguageModel model = open(name)) {
            LogitSeed seed = name.equals(BUILTIN)
                    ? LogitSeed.difference(only(model, " am"), only(model, " are"))
                    : LogitSeed.difference(3, 7);
            TreeMap<String, Double> errors = new TreeMap<>();
            List<String> seen = new ArrayList<>();
            for (String letters : RULES) {
                List<String> tensors = golden.names("grad." + letters + ".");
                if (tensors.isEmpty()) {
                    continue;
                }
                seen.add(letters);
                List<HookPoint> hooks =
                        tensors.stream().map(t -> hook(t, letters)).distinct().toList();
                Backward back = model.backward(golden.batch(2), Taps.none(), seed, rules(letters), hooks);
                for (int r = 0; r < 2; r++) {
                    assertThat(back.value(r)).isCloseTo(golden.floats("value." + r)[0], within(1e-4));
                }
                for (String tensor : tensors) {
                    int row = tensor.charAt(tensor.length() - 1) - '0';
                    float[] ours = Golden.picked(back.gradient(hook(tensor, letters)), row);
                    double error = Golden.error(ours, golden.floats(tensor));
                    errors.put(tensor, error);
                    table.add(model, ErrorTable.column(letters), error);
                }
            }
            assertThat(seen).isEqualTo(name.startsWith("tiny") ? RULES : List.of("none", "lih"));
            check(errors);
        }
    }

    private static void check(TreeMap<String, Double> errors) {
        assertThat(errors)
                .isNotEmpty()
                .allSatisfy((tensor, error) -> assertThat(error).as(tensor).isLessThanOrEqualTo(TOLERANCE));
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
