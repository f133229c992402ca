package dev.loupe.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.base.UsageException;
import dev.loupe.math.Matrix;
import dev.loupe.tensor.Device;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Everything that {@link ExactnessTest} demands, against the same files and with the same tolerance, of models that compute
 * with the tensor library's operations alone, as on a GPU; and that text, edits, lenses and shared runs agree with those of
 * Loupe's kernels. Runs on the processor, with tensors out of Java's reach as a GPU's are, or on the device that the system
 * property {@code loupe.device} names: {@code -Dloupe.device=cuda:0}.
 */
class DeviceExactnessTest extends ExactnessTest {
    private static final Device DEVICE = Device.parse(System.getProperty("loupe.device", "cpu-tensors"));
    private static final TokenBatch BATCH =
            TokenBatch.of(new int[] {1, 5, 9, 30, 2, 7, 7, 11}, new int[] {4, 6, 3}, new int[] {8});

    @Override
    ModelOptions options() {
        return ModelOptions.defaults().withDevice(DEVICE);
    }

    private LanguageModel kernels(String name) {
        return LanguageModels.open(
                name.equals("builtin") ? Golden.builtin(folder) : Golden.tiny(name, folder.resolve("kernels")),
                ModelOptions.defaults());
    }

    /** One or two of each family, and the embedded one. */
    static Stream<String> families() throws IOException {
        return models().filter(name -> !name.startsWith("var-"));
    }

    @ParameterizedTest
    @MethodSource("families")
    void texts_and_edits_agree_with_those_of_the_kernels(String name) {
        try (LanguageModel model = open(name);
                LanguageModel reference = kernels(name)) {
            texts(model, reference);
            edits(model, reference);
            lenses(model, reference);
            variations(model, reference);
        }
    }

    /** Alone, and together with others whose prompts are of other lengths, with an editor in one of them. */
    private static void texts(LanguageModel model, LanguageModel reference) {
        int vocab = model.config().dVocab();
        int room = Math.min(model.config().nCtx(), 64);
        RandomGenerator random = new SplittableRandom(5);
        List<int[]> prompts = new ArrayList<>();
        for (int length : new int[] {1, 7, 3, 12, 5}) {
            prompts.add(random.ints(Math.min(length, room - 4), 0, vocab).toArray());
        }
        Sampling sampling = Sampling.greedy(Math.min(10, room - 12)).withLogProbs();
        List<Generation> together = model.generate(prompts, sampling, Taps.none());
        Taps edit = Taps.edit(HookPoint.residPost(0), Edits.everywhere().scale(0.5f));
        for (int i = 0; i < prompts.size(); i++) {
            same(together.get(i), reference.generate(prompts.get(i), sampling, Taps.none(), TokenListener.silent()));
        }
        same(
                model.generate(prompts.get(1), sampling, edit, TokenListener.silent()),
                reference.generate(prompts.get(1), sampling, edit, TokenListener.silent()));
    }

    private static void same(Generation ours, Generation expected) {
        assertThat(ours.tokens()).isEqualTo(expected.tokens());
        assertThat(ours.logProbs()).containsExactly(expected.logProbs(), within(1e-4f));
    }

    private static void edits(LanguageModel model, LanguageModel reference) {
        for (HookInfo info : model.hooks()) {
            HookPoint hook = info.hook();
            if (hook.layer() > 0 || hook.local().endsWith("attn_scores")) { // minus infinity stays where it is
                continue;
            }
            int[] runs = new int[1];
            Taps taps = Taps.edit(hook, a -> {
                runs[0]++;
                assertThat(a.token(0, 1)).isEqualTo(5);
                Edits.everywhere().scale(0.75f).edit(a);
            });
            Forward ours = model.forward(BATCH, taps, Want.LAST_LOGITS);
            Forward expected = reference.forward(BATCH, taps, Want.LAST_LOGITS);
            assertThat(runs[0]).isEqualTo(2);
            for (int b = 0; b < BATCH.size(); b++) {
                assertThat(Golden.error(ours.lastLogits(b), expected.lastLogits(b)))
                        .as(hook.name())
                        .isLessThan(1e-5);
            }
        }
    }

    private static void lenses(LanguageModel model, LanguageModel reference) {
        int d = model.config().dModel();
        RandomGenerator random = new SplittableRandom(3);
        try (Arena arena = Arena.ofConfined()) {
            Matrix directions = Matrix.allocate(arena, 3, d);
            for (int i = 0; i < 3 * d; i++) {
                directions.segment().setAtIndex(java.lang.foreign.ValueLayout.JAVA_FLOAT, i, (float)
                        random.nextGaussian());
            }
            for (boolean gain : new boolean[] {true, false}) {
                assertSame(model.logitLens(directions, gain), reference.logitLens(directions, gain));
            }
            assertSame(model.logitsOf(directions), reference.logitsOf(directions));
        }
    }

    private static void assertSame(Matrix ours, Matrix expected) {
        assertThat(Golden.error(floats(ours), floats(expected))).isLessThan(1e-5);
    }

    private static float[] floats(Matrix m) {
        return m.segment().toArray(java.lang.foreign.ValueLayout.JAVA_FLOAT);
    }

    private static void variations(LanguageModel model, LanguageModel reference) {
        int[] tokens = {1, 5, 9, 30, 2, 7};
        Taps taps = Taps.edit(HookPoint.residPre(1), Edits.everywhere().scale(1.25f));
        try (Variations ours = model.variations(tokens, 3);
                Variations expected = reference.variations(tokens, 3)) {
            Forward a = ours.run(2, 1, taps);
            Forward b = expected.run(2, 1, taps);
            for (int row = 0; row < 2; row++) {
                assertThat(Golden.error(a.lastLogits(row), b.lastLogits(row))).isLessThan(1e-5);
            }
        }
    }

    @Test
    void gradients_under_an_editor_and_within_little_memory_agree_with_those_of_the_kernels() {
        for (String name : List.of("tiny-llama", "tiny-gpt2", "tiny-gemma2")) {
            try (LanguageModel model = open(name);
                    LanguageModel reference = kernels(name)) {
                HookPoint hook = HookPoint.residMid(0);
                Taps edit = Taps.edit(HookPoint.mlpPost(0), Edits.at(1).scale(0.5f));
                BackwardPlan plan = BackwardPlan.of(LogitSeed.difference(3, 7), Rules.NONE, List.of(hook))
                        .withFlow(Taps.edit(
                                HookPoint.residPre(1), Edits.everywhere().scale(2)))
                        .withKeepBytes(1);
                Backward ours = model.backward(BATCH, edit, plan);
                Backward expected = reference.backward(BATCH, edit, plan);
                for (int b = 0; b < BATCH.size(); b++) {
                    for (int p = 0; p < BATCH.length(b); p++) {
                        assertThat(Golden.error(
                                        ours.gradient(hook).row(b, p),
                                        expected.gradient(hook).row(b, p)))
                                .isLessThan(1e-5);
                    }
                }
            }
        }
    }

    @Test
    void rounded_products_are_refused_rather_than_computed_in_other_numbers() {
        assertThatThrownBy(() -> LanguageModels.open(
                        Golden.tiny("tiny-llama", folder), options().withPrecision(Precision.BF16)))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("fp32 only");
    }
}
