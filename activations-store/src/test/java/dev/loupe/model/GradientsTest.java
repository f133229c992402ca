package dev.loupe.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Gradients by their own meaning: slopes, edited runs, conserved relevance. */
class GradientsTest {
    @TempDir
    static Path folder;

    static LanguageModel model;
    static LanguageModel tiny;

    @BeforeAll
    static void open() {
        model = LanguageModels.open(Golden.builtin(folder), ModelOptions.defaults());
        tiny = LanguageModels.open(Golden.tiny("tiny-llama", folder), ModelOptions.defaults());
    }

    @AfterAll
    static void close() {
        model.close();
        tiny.close();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "tiny-llama",
                "tiny-mistral",
                "tiny-qwen2",
                "tiny-qwen3",
                "tiny-gpt2",
                "tiny-neo",
                "tiny-neox",
                "tiny-neox-serial",
                "tiny-opt",
                "tiny-gemma2",
                "tiny-gemma3",
                "var-gemma2-mqa-untied"
            })
    void gradients_are_the_slopes_of_the_metric(String name) {
        try (LanguageModel model =
                LanguageModels.open(Golden.tiny(name, folder.resolve("slopes")), ModelOptions.defaults())) {
            slopes(model);
        }
    }

    private static void slopes(LanguageModel model) {
        TokenBatch batch = TokenBatch.of(new int[] {1, 2, 3, 9, 30}, new int[] {4, 6});
        LogitSeed seed = (row, logits, grad) -> { // not linear in the logits
            grad[3] = 2 * logits[3];
            grad[5] = -1;
            return (double) logits[3] * logits[3] - logits[5];
        };
        List<HookPoint> hooks = model.hooks().stream()
                .map(HookInfo::hook)
                .filter(h -> !h.name().endsWith("scale") && !h.name().endsWith("pattern"))
                .toList();
        Backward back = model.backward(batch, Taps.none(), seed, Rules.NONE, hooks);
        float step = 1e-2f;
        for (HookPoint hook : hooks) {
            Activation gradient = back.gradient(hook);
            for (int row = 0; row < 2; row++) {
                int p = batch.length(row) - 1;
                float[] g = gradient.row(row, p);
                double norm = 0;
                for (float x : g) {
                    norm += (double) x * x;
                }
                float[] direction = g.clone(); // along itself the slope is the norm
                double length = Math.sqrt(norm);
                for (int i = 0; i < g.length; i++) {
                    direction[i] = length == 0 ? 1 : (float) (g[i] / length);
                }
                double up = moved(model, batch, hook, row, p, direction, step, seed);
                double down = moved(model, batch, hook, row, p, direction, -step, seed);
                assertThat((up - down) / (2 * step))
                        .as(hook + " of row " + row)
                        .isCloseTo(length, within(2e-2 * length + 2e-3));
            }
        }
    }

    private static double moved(
            LanguageModel model,
            TokenBatch batch,
            HookPoint hook,
            int row,
            int p,
            float[] direction,
            float step,
            LogitSeed seed) {
        Editor move = a -> {
            float[] values = a.row(row, p);
            for (int i = 0; i < values.length; i++) {
                values[i] += step * direction[i];
            }
            a.setRow(row, p, values);
        };
        Forward f = model.forward(batch, Taps.edit(hook, move), Want.LAST_LOGITS);
        double sum = 0;
        for (int r = 0; r < batch.size(); r++) {
            sum += seed.seed(r, f.lastLogits(r), new float[40]);
        }
        return sum;
    }

    @Test
    void gradients_belong_to_the_edited_run_and_an_editor_runs_once() {
        TokenBatch batch = TokenBatch.of(new int[] {1, 2, 3});
        int[] runs = new int[1];
        float[] other = tiny.forward(TokenBatch.of(new int[] {7, 8, 9}), Taps.read(HookPoint.residMid(0)), Want.NOTHING)
                .activation(HookPoint.residMid(0))
                .row(0, 2);
        Editor replace = a -> {
            runs[0]++;
            a.setRow(0, 2, other);
        };
        Taps taps = Taps.edit(HookPoint.residMid(0), replace);
        List<HookPoint> wrt = List.of(HookPoint.mlpPost(0), HookPoint.residMid(0), HookPoint.residPre(1));
        Backward edited = tiny.backward(batch, taps, LogitSeed.difference(3, 5), Rules.NONE, wrt);
        assertThat(runs[0]).isEqualTo(1);
        assertThat(edited.value(0))
                .isEqualTo(edited.forward().lastLogits(0)[3]
                        - (double) edited.forward().lastLogits(0)[5]);
        Backward plain = tiny.backward(batch, Taps.none(), LogitSeed.difference(3, 5), Rules.NONE, wrt);
        assertThat(edited.gradient(HookPoint.residMid(0)).row(0, 2))
                .isNotEqualTo(plain.gradient(HookPoint.residMid(0)).row(0, 2));
        assertThat(tiny.forward(batch, taps, Want.LAST_LOGITS).lastLogits(0))
                .isEqualTo(edited.forward().lastLogits(0));
    }

    @Test
    void with_all_rules_relevance_is_conserved_from_layer_to_layer() {
        // a model without biases: sum of residual times coefficient is the metric at every layer (0 eps aside)
        TokenBatch batch = TokenBatch.of(model.tokenizer().encode("I would like to thank the rapporteur. I"));
        List<HookPoint> layers = new ArrayList<>();
        for (int layer = 0; layer < 6; layer++) {
            layers.add(HookPoint.residPre(layer));
        }
        Rules all = new Rules(true, true, true, true);
        Backward back = model.backward(batch, Taps.read(layers), LogitSeed.difference(300, 301), all, layers);
        for (HookPoint hook : layers) {
            double sum = 0;
            for (int p = 0; p < batch.length(0); p++) {
                float[] x = back.forward().activation(hook).row(0, p);
                float[] c = back.gradient(hook).row(0, p);
                for (int i = 0; i < x.length; i++) {
                    sum += (double) x[i] * c[i];
                }
            }
            assertThat(sum).as(hook.name()).isCloseTo(back.value(0), within(1e-3));
        }
    }
}
