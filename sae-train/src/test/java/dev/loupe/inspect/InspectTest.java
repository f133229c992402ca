package dev.loupe.inspect;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.base.NotFoundException;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.fixtures.Cases;
import dev.loupe.fixtures.ProjectRoot;
import dev.loupe.math.Matrix;
import dev.loupe.model.Activation;
import dev.loupe.model.Forward;
import dev.loupe.model.HookPoint;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.LanguageModels;
import dev.loupe.model.ModelOptions;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenBatch;
import dev.loupe.model.Want;
import dev.loupe.sae.Architecture;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SaeConfig;
import dev.loupe.sae.SaeProvenance;
import dev.loupe.sae.SaeWeights;
import dev.loupe.sae.SparseCodes;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Every figure against the model itself, run in another way; its passes are held against PyTorch elsewhere. */
class InspectTest {
    @TempDir
    static Path folder;

    private static LanguageModel open(String name) throws Exception {
        Path builtin = LanguageModels.builtin(folder);
        if (name.equals("builtin")) {
            return LanguageModels.open(builtin, ModelOptions.defaults());
        }
        Path source = ProjectRoot.resolve("activations-store/src/test/resources/dev/loupe/model/golden/" + name);
        Path target = Files.createDirectories(folder.resolve(name));
        for (String file : List.of("config.json", "model.safetensors")) {
            Files.copy(source.resolve(file), target.resolve(file), StandardCopyOption.REPLACE_EXISTING);
        }
        Files.copy(
                builtin.resolve("tokenizer.json"),
                target.resolve("tokenizer.json"),
                StandardCopyOption.REPLACE_EXISTING);
        return LanguageModels.open(target, ModelOptions.defaults());
    }

    private static InspectedText text(LanguageModel model) {
        int[] ids = new int[12];
        List<String> tokens = new ArrayList<>();
        for (int p = 0; p < ids.length; p++) {
            ids[p] = (7 * p + 3) % Math.min(60, model.config().dVocab());
            tokens.add("t" + ids[p]);
        }
        return new InspectedText(model.id(), tokens, ids, 0, "");
    }

    @ParameterizedTest
    @ValueSource(strings = {"builtin", "tiny-gpt2", "tiny-gemma2", "tiny-neox", "tiny-llama"})
    void a_cell_of_the_lens_is_what_the_model_says_when_its_last_residual_stream_is_replaced(String name)
            throws Exception {
        try (LanguageModel model = open(name)) {
            InspectedText text = text(model);
            LensGrid grid = new TextInspector(model).lens(text, null, 5, Progress.silent());
            int layers = model.config().nLayers();
            assertThat(grid.cells()).hasSize(layers + 1);
            for (int l = 0; l <= layers; l++) {
                HookPoint from = HookPoint.of(grid.layers().get(l));
                Activation x = model.forward(TokenBatch.of(text.ids()), Taps.read(from), Want.NOTHING)
                        .activation(from);
                Activation logits = model.forward(
                                TokenBatch.of(text.ids()),
                                Taps.edit(
                                        HookPoint.residPost(layers - 1),
                                        a -> a.segment().copyFrom(x.segment())),
                                Want.ALL_LOGITS)
                        .allLogits();
                for (int p = 0; p < text.ids().length; p++) {
                    check(
                            grid.cells().get(l).get(p),
                            logits.row(0, p),
                            p + 1 < text.ids().length ? text.ids()[p + 1] : -1);
                }
            }
        }
    }

    private static void check(LensCell cell, float[] logits, int next) {
        double sum = 0;
        double entropy = 0;
        for (float l : logits) {
            sum += Math.exp(l);
        }
        for (float l : logits) {
            entropy -= Math.exp(l) / sum * Math.log(Math.exp(l) / sum);
        }
        assertThat((double) cell.entropy()).isCloseTo(entropy, within(1e-3));
        assertThat(cell.top()).hasSize(5);
        float last = Float.POSITIVE_INFINITY;
        for (TokenScore t : cell.top()) {
            assertThat(t.logit()).isCloseTo(logits[t.token()], within(2e-3f)).isLessThanOrEqualTo(last);
            assertThat((double) t.probability()).isCloseTo(Math.exp(logits[t.token()]) / sum, within(1e-3));
            last = t.logit();
        }
        int larger = 0;
        for (float l : logits) {
            larger += l > last + 2e-3f ? 1 : 0;
        }
        assertThat(larger).isLessThan(5);
        if (next >= 0) {
            int above = 0;
            for (float l : logits) {
                above += l > logits[next] + 1e-3f ? 1 : 0;
            }
            assertThat(cell.rank()).isBetween(above + 1, above + 8);
            assertThat((double) cell.probability()).isCloseTo(Math.exp(logits[next]) / sum, within(1e-3));
        } else {
            assertThat(cell.rank()).isZero();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"builtin", "tiny-gpt2", "tiny-gemma2", "tiny-neox", "tiny-opt"})
    void parts_add_up_to_the_logit_heads_to_attention_and_latents_to_what_their_place_holds(String name)
            throws Exception {
        try (LanguageModel model = open(name)) {
            InspectedText text = text(model);
            Sae sae = sae(model, HookPoint.residPost(0).name());
            Activation logits = model.forward(TokenBatch.of(text.ids()), Taps.none(), Want.ALL_LOGITS)
                    .allLogits();
            for (int p : new int[] {1, 5, -1}) {
                LogitAttribution a = new Attributor(model).of(text, p, 9, null, sae);
                double total = name.equals("tiny-gemma2") ? 3 * Math.tanh(a.total() / 3) : a.total();
                assertThat(total).isCloseTo(logits.get(0, a.position(), 9), within(2e-3));
                assertThat(a.layers()).hasSize(2 + 2 * model.config().nLayers());
                if (!name.equals("tiny-gemma2")) {
                    for (int l = 0; l < model.config().nLayers(); l++) {
                        assertThat(sum(a.heads(), l)).isCloseTo(value(a.layers(), "attention", l), within(1e-3));
                    }
                } else {
                    assertThat(a.heads()).isEmpty();
                    assertThat(a.note()).isNotBlank();
                }
                double place = value(a.layers(), "embedding", -1)
                        + value(a.layers(), "attention", 0)
                        + value(a.layers(), "mlp", 0);
                assertThat(a.latents().stream().mapToDouble(LogitPart::value).sum())
                        .isCloseTo(place, within(2e-3));
                LogitAttribution difference = new Attributor(model).of(text, p, 9, 4, null);
                double other = new Attributor(model).of(text, p, 4, null, null).total();
                assertThat(difference.total()).isCloseTo(a.total() - other, within(2e-3));
                assertThat(difference.latents()).isEmpty();
            }
            int best =
                    new Attributor(model).of(text, 3, null, null, null).token().token();
            for (int t = 0; t < model.config().dVocab(); t++) {
                assertThat(logits.get(0, 3, t)).isLessThanOrEqualTo(logits.get(0, 3, best));
            }
        }
    }

    private static double sum(List<LogitPart> parts, int layer) {
        return parts.stream()
                .filter(p -> p.layer() == layer)
                .mapToDouble(LogitPart::value)
                .sum();
    }

    private static double value(List<LogitPart> parts, String kind, int layer) {
        return parts.stream()
                .filter(p -> p.kind().equals(kind) && p.layer() == layer)
                .findFirst()
                .orElseThrow()
                .value();
    }

    /** A random SAE with every decoder row of length one. */
    private static Sae sae(LanguageModel model, String hook) {
        Cases.Random random = Cases.random();
        int d = model.config().dModel();
        float[][] rows = random.matrix(40, d);
        return new Sae(
                "random",
                new SaeConfig(Architecture.RELU, 0, true, model.id(), hook, Map.of()),
                new SaeWeights(
                        Matrix.copyOf(random.matrix(40, d)),
                        Matrix.copyOf(rows),
                        random.floats(40),
                        random.floats(d),
                        new float[0]),
                SaeProvenance.unknown());
    }

    @Test
    void patterns_are_those_of_the_pass_and_every_row_sums_to_one() throws Exception {
        try (LanguageModel model = open("builtin")) {
            InspectedText text = text(model);
            HookPoint hook = HookPoint.block(2, "attn.hook_pattern");
            Activation a = model.forward(TokenBatch.of(text.ids()), Taps.read(hook), Want.NOTHING)
                    .activation(hook);
            AttentionPattern pattern = new TextInspector(model).attention(text, 2);
            assertThat(pattern.heads()).isEqualTo(model.config().nHeads());
            int n = text.ids().length;
            for (int h = 0; h < pattern.heads(); h++) {
                for (int q = 0; q < n; q++) {
                    double sum = 0;
                    for (int k = 0; k <= q; k++) {
                        sum += pattern.pattern()[h][q][k];
                        assertThat(pattern.pattern()[h][q][k]).isEqualTo(a.row(0, q)[h * n + k]);
                    }
                    assertThat(sum).isCloseTo(1, within(1e-5));
                }
            }
            assertThatThrownBy(() -> new TextInspector(model).attention(text, 99))
                    .isInstanceOf(UsageException.class)
                    .hasMessageContaining("layers 0 to");
        }
    }

    @Test
    void taking_a_latent_out_changes_losses_as_a_run_by_hand_does() throws Exception {
        try (LanguageModel model = open("builtin")) {
            InspectedText text = text(model);
            Sae sae = sae(model, HookPoint.residPost(1).name());
            HookPoint hook = HookPoint.residPost(1);
            Forward base = model.forward(TokenBatch.of(text.ids()), Taps.read(hook), Want.TOKEN_LOSS);
            float[] somewhere = base.activation(hook).row(0, text.ids().length - 1);
            int id =
                    sae.encode(Matrix.copyOf(new float[][] {somewhere})).ids()[0]; // one of a random SAE that is active
            AblationEffect effect = LatentAblation.run(sae, model, text, id, 3, Progress.silent());
            assertThat(effect.positions()).isNotEmpty();
            for (int t = 1; t < text.ids().length; t++) {
                assertThat(effect.loss()[t]).isCloseTo(base.tokenLoss()[0][t - 1], within(1e-4f));
            }
            float last = Float.POSITIVE_INFINITY;
            for (AblationEffect.AtPosition at : effect.positions()) {
                float[] x = base.activation(hook).row(0, at.position());
                SparseCodes codes = sae.encode(Matrix.copyOf(new float[][] {x}));
                float value = codes.value(0, id);
                assertThat(at.activation()).isCloseTo(value, within(1e-3f)).isLessThanOrEqualTo(last);
                last = at.activation();
                float[] direction = sae.decoderRows().row(id);
                for (int i = 0; i < x.length; i++) {
                    x[i] -= value * direction[i];
                }
                Forward run = model.forward(
                        TokenBatch.of(text.ids()),
                        Taps.edit(hook, a -> a.setRow(0, at.position(), x)),
                        Want.TOKEN_LOSS);
                for (int t = 1; t < text.ids().length; t++) {
                    float expected = run.tokenLoss()[0][t - 1] - base.tokenLoss()[0][t - 1];
                    assertThat(at.lossDifference()[t]).isCloseTo(expected, within(1e-3f));
                    assertThat(t > at.position() || at.lossDifference()[t] == 0).isTrue();
                }
                assertThat(at.kl()).isNotNegative();
                assertThat(at.promoted().getFirst().effect())
                        .isGreaterThan(at.suppressed().getFirst().effect());
            }
            assertThatThrownBy(() -> LatentAblation.run(sae, model, text, 40, 3, Progress.silent()))
                    .isInstanceOf(NotFoundException.class)
                    .hasMessageContaining("0 to 39");
        }
    }

    @Test
    void a_token_that_is_part_of_a_character_is_shown_by_its_bytes() throws Exception {
        try (LanguageModel model = open("builtin")) {
            int part = 0;
            while (model.tokenizer().token(part).indexOf('\uFFFD') < 0) {
                part++;
            }
            float[] logits = new float[model.config().dVocab()];
            logits[part] = 1;
            String shown = new Softmax(logits).score(part, model.tokenizer()).text();
            assertThat(shown).matches(".*⟨[0-9A-F]{2}( [0-9A-F]{2})*⟩.*").doesNotContain("\uFFFD");
        }
    }

    @Test
    void a_text_too_long_is_cut_and_says_what_was_cut() throws Exception {
        try (LanguageModel model = open("builtin")) {
            String all = "I would like to thank the rapporteur for the report and all who have worked on it.";
            InspectedText whole = InspectedText.of(model, all, true, 100);
            assertThat(whole.cutTokens()).isZero();
            assertThat(whole.cutText()).isEmpty();
            InspectedText cut = InspectedText.of(model, all, true, 6);
            assertThat(cut.ids()).hasSize(6);
            assertThat(cut.cutTokens()).isEqualTo(whole.ids().length - 6);
            assertThat(String.join("", cut.tokens().subList(1, 6)) + cut.cutText())
                    .isEqualTo(all);
            assertThatThrownBy(() -> InspectedText.of(model, "", true, 6)).isInstanceOf(UsageException.class);
            assertThatThrownBy(() -> new Attributor(model).of(cut, 6, null, null, null))
                    .isInstanceOf(UsageException.class)
                    .hasMessageContaining("6 tokens after the cut");
        }
    }
}
