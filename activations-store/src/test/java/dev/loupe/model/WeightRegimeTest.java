package dev.loupe.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.base.UsageException;
import dev.loupe.math.Matrix;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Rewritten weights against TransformerLens' processed weights (tests/python/golden_regimes.py). */
class WeightRegimeTest {
    private static final double TOLERANCE = 1e-5;

    @TempDir
    Path folder;

    private LanguageModel open(String name, WeightRegime regime) {
        return LanguageModels.open(
                Golden.tiny(name, folder), ModelOptions.defaults().withWeights(regime));
    }

    @Test
    void every_hook_point_under_every_regime_agrees_with_transformer_lens() {
        try (Golden golden = new Golden(folder.resolve("g"), "golden/regimes.safetensors")) {
            Map<String, List<String>> byRun = new LinkedHashMap<>();
            for (String tensor : golden.names("tiny-")) {
                byRun.computeIfAbsent(tensor.substring(0, tensor.lastIndexOf('/')), r -> new ArrayList<>())
                        .add(tensor.substring(tensor.lastIndexOf('/') + 1));
            }
            assertThat(byRun).hasSize(30);
            TokenBatch batch = TokenBatch.of(golden.idsOf("ids"));
            byRun.forEach((run, tensors) -> check(golden, batch, run, tensors));
        }
    }

    private void check(Golden golden, TokenBatch batch, String run, List<String> tensors) {
        WeightRegime regime = WeightRegime.parse(run.substring(run.indexOf('/') + 1));
        try (LanguageModel model = open(run.substring(0, run.indexOf('/')), regime)) {
            assertThat(model.weightRegime()).isEqualTo(regime);
            List<HookPoint> hooks = tensors.stream()
                    .filter(t -> t.startsWith("act."))
                    .map(t -> HookPoint.of(t.substring(4)))
                    .toList();
            Forward f = model.forward(batch, Taps.read(hooks), Want.LAST_LOGITS);
            double logits = Golden.error(f.lastLogits(0), golden.floats(run + "/logits"));
            assertThat(logits).as(run + " logits").isLessThanOrEqualTo(TOLERANCE);
            double worst = 0;
            for (HookPoint hook : hooks) {
                float[] expected = golden.floats(run + "/act." + hook);
                double error = Golden.error(Golden.picked(f.activation(hook), 0), expected);
                assertThat(error).as(run + " " + hook).isLessThanOrEqualTo(TOLERANCE);
                worst = Math.max(worst, error);
            }
            System.out.printf(Locale.ROOT, "| %s | logits %.1e | %d hooks %.1e |%n", run, logits, hooks.size(), worst);
        }
    }

    @Test
    void what_a_model_predicts_is_the_same_under_every_regime_in_every_family() {
        TokenBatch batch = TokenBatch.of(new int[] {1, 2, 3, 9, 30}, new int[] {4, 7});
        for (String name : List.of(
                "tiny-llama",
                "tiny-mistral",
                "tiny-qwen3",
                "tiny-gpt2-untied",
                "tiny-neo",
                "tiny-neox-serial",
                "tiny-opt",
                "tiny-gemma2",
                "tiny-gemma3",
                "var-qwen2-mqa-tied",
                "var-neox-mha-tied",
                "var-gemma3-gqa-multimodal")) {
            try (LanguageModel raw = open(name, WeightRegime.RAW)) {
                String checksum = raw.weightsChecksum(); // before the next opening writes the fixture again
                float[][] losses =
                        raw.forward(batch, Taps.none(), Want.TOKEN_LOSS).tokenLoss();
                for (String text : WeightRegime.names()) {
                    WeightRegime regime = WeightRegime.parse(text);
                    boolean undefined = regime.centerWritingWeights() && !name.matches(".*(gpt2|neo|opt).*")
                            || regime.centerUnembed() && name.contains("gemma2");
                    if (undefined) {
                        assertThatThrownBy(() -> open(name, regime))
                                .isInstanceOf(UsageException.class)
                                .hasMessageContaining(text + " is not defined for a ")
                                .hasMessageContaining(raw.config().family());
                        continue;
                    }
                    try (LanguageModel model = open(name, regime)) {
                        assertThat(model.weightsChecksum()).isEqualTo(checksum);
                        assertThat(model.config().parameters())
                                .isEqualTo(raw.config().parameters());
                        float[][] ours = model.forward(batch, Taps.none(), Want.TOKEN_LOSS)
                                .tokenLoss();
                        for (int r = 0; r < losses.length; r++) {
                            assertThat(Golden.error(ours[r], losses[r]))
                                    .as(name + " " + text)
                                    .isLessThan(TOLERANCE);
                        }
                    }
                }
            }
        }
    }

    @Test
    void the_logit_lens_leaves_out_the_bias_that_folding_makes() {
        Matrix zero = Matrix.copyOf(new float[1][12]);
        try (LanguageModel model = open("tiny-gpt2", WeightRegime.parse("fold_ln,center_unembed"))) {
            assertThat(model.logitLens(zero, true).row(0)).containsOnly(0f);
            float[] direction = new float[12];
            direction[3] = 1;
            float[] logits = model.logitLens(Matrix.copyOf(new float[][] {direction}), true)
                    .row(0);
            double sum = 0;
            for (float x : logits) {
                sum += x;
            }
            assertThat(sum).isCloseTo(0, within(1e-4)); // the unembedding is centred
        }
    }

    @Test
    void regimes_have_one_name() {
        assertThat(WeightRegime.parse("raw")).isEqualTo(WeightRegime.RAW).hasToString("raw");
        assertThat(WeightRegime.parse("center_unembed, fold_ln")).hasToString("fold_ln,center_unembed");
        for (String wrong : List.of("", "fold", "fold_ln,raw", "fold_ln,")) {
            assertThatThrownBy(() -> WeightRegime.parse(wrong))
                    .isInstanceOf(UsageException.class)
                    .hasMessageContaining("raw")
                    .hasMessageContaining("center_writing_weights");
        }
    }
}
