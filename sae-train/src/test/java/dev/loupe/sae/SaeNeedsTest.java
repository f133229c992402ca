package dev.loupe.sae;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.capture.CaptureJob;
import dev.loupe.capture.CaptureRequest;
import dev.loupe.eval.EvalOptions;
import dev.loupe.eval.Evaluation;
import dev.loupe.feature.TextActivations;
import dev.loupe.fixtures.Cases;
import dev.loupe.math.Matrix;
import dev.loupe.model.Activation;
import dev.loupe.model.HookPoint;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.LanguageModels;
import dev.loupe.model.ModelOptions;
import dev.loupe.model.Precision;
import dev.loupe.model.SafetensorsWriter;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenBatch;
import dev.loupe.model.Want;
import dev.loupe.model.WeightRegime;
import dev.loupe.store.ActivationStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What SAEs ask of their model is applied or refused, on a random GPT-2 of one block. */
class SaeNeedsTest {
    private static final int D = 8;
    private static final int VOCABULARY = 8192;
    private static final HookPoint HOOK = HookPoint.residPost(0);
    private static final WeightRegime CENTRED = WeightRegime.parse("center_writing_weights");

    @TempDir
    Path dir;

    @Test
    void an_sae_reaches_its_own_fvu_only_under_the_weights_that_it_was_trained_on() throws IOException {
        Path folder = gpt2();
        Sae sae = save("sae", sae(SaeNeeds.metadata(CENTRED, Precision.FP32)));
        assertThat(Json.tree(dir.resolve("sae/cfg.json")).at("/metadata/model_from_pretrained_kwargs"))
                .hasToString("{\"center_writing_weights\":true}");
        assertThat(sae.needs().weights()).isEqualTo(CENTRED);
        try (LanguageModel raw = LanguageModels.open(folder, ModelOptions.defaults());
                LanguageModel right =
                        LanguageModels.open(folder, ModelOptions.defaults().withWeights(CENTRED))) {
            assertThat(fvu(sae, right)).isLessThan(1e-9);
            assertThat(fvu(sae, raw)).isGreaterThan(0.02); // the mean over d_model is lost: about one part in d_model
            CaptureRequest request = CaptureRequest.of(
                            "s", dir, "m", text().toString(), java.util.List.of(HOOK.name()), 400)
                    .withContext(32)
                    .withHeldOut("0.3");
            CaptureJob.run(request, right, Progress.silent());
            try (ActivationStore store = ActivationStore.open(request.folder())) {
                assertThat(store.manifest().content().model().weightRegime()).isEqualTo("center_writing_weights");
                assertThat(Evaluation.run(sae, store, right, null, EvalOptions.standard(), Progress.silent())
                                .fvu())
                        .isLessThan(1e-9);
                assertThatThrownBy(
                                () -> Evaluation.run(sae, store, raw, null, EvalOptions.standard(), Progress.silent()))
                        .isInstanceOf(UsageException.class)
                        .hasMessageContaining("--weights center_writing_weights");
                Sae silent = save("silent", sae(Map.of())); // says nothing: raw
                assertThatThrownBy(() ->
                                Evaluation.run(silent, store, raw, null, EvalOptions.standard(), Progress.silent()))
                        .isInstanceOf(UsageException.class)
                        .hasMessageContaining("store s holds those of center_writing_weights weights");
            }
            assertThatThrownBy(() -> TextActivations.of(sae, raw, "I would", true))
                    .isInstanceOf(UsageException.class)
                    .hasMessageContaining("--weights");
            assertThat(TextActivations.of(sae, right, "I would like", true).tokens())
                    .isNotEmpty();
            Sae narrow = sae(Map.of("context_size", 3));
            TextActivations cut = TextActivations.of(narrow, raw, "I would like to thank you all", true);
            assertThat(cut.tokens()).hasSize(3);
            assertThat(cut.cutTokens()).isPositive();
            assertThat(String.join("", cut.tokens()) + cut.cutText()).endsWith("I would like to thank you all");
        }
    }

    @Test
    void what_cannot_be_applied_is_refused_by_name() throws IOException {
        refused(
                "refactor_factored_attn_matrices",
                Map.of(SaeNeeds.MODEL_ARGUMENTS, Map.of("refactor_factored_attn_matrices", true)));
        refused("checkpoint_value", Map.of(SaeNeeds.MODEL_ARGUMENTS, Map.of("checkpoint_value", 512)));
        refused("head 3", Map.of("hook_head_index", 3));
        Map<String, Object> all = new LinkedHashMap<>();
        all.put("fold_ln", true);
        all.put("center_unembed", false);
        all.put("refactor_factored_attn_matrices", false);
        all.put("dtype", "float16");
        SaeNeeds needs = sae(Map.of(SaeNeeds.MODEL_ARGUMENTS, all, "prepend_bos", false, "context_size", 64))
                .needs();
        assertThat(needs).isEqualTo(new SaeNeeds(WeightRegime.parse("fold_ln"), Precision.FP32, false, 64));
        assertThat(sae(Map.of()).needs()).isEqualTo(new SaeNeeds(WeightRegime.RAW, Precision.FP32, null, 0));
    }

    @Test
    void the_precision_of_the_model_is_remembered_as_its_loader_in_python_takes_it() throws IOException {
        Sae sae = save("half", sae(SaeNeeds.metadata(CENTRED, Precision.BF16)));
        assertThat(Json.tree(dir.resolve("half/cfg.json")).at("/metadata/model_from_pretrained_kwargs"))
                .hasToString("{\"center_writing_weights\":true,\"dtype\":\"bfloat16\"}");
        assertThat(sae.needs()).isEqualTo(new SaeNeeds(CENTRED, Precision.BF16, null, 0));
        Path folder = gpt2();
        ModelOptions options = ModelOptions.defaults().withWeights(CENTRED).withPrecision(Precision.BF16);
        try (LanguageModel model = LanguageModels.open(folder, options)) {
            assertThat(fvu(sae, model)).isLessThan(1e-4); // the mean of what is written stays 0 but for rounding
            CaptureRequest request = CaptureRequest.of(
                            "h", dir, "m", text().toString(), java.util.List.of(HOOK.name()), 400)
                    .withContext(32);
            CaptureJob.run(request, model, Progress.silent());
            try (ActivationStore store = ActivationStore.open(request.folder())) {
                assertThat(store.manifest().content().model().precision()).isEqualTo("bf16");
            }
        }
    }

    @Test
    void entries_of_flat_configs_count_too_and_reshaping_belongs_to_hook_z() throws IOException {
        save("old", sae(Map.of()));
        Path file = dir.resolve("old/cfg.json");
        Map<String, Object> cfg = Json.read(file, Map.class);
        cfg.remove("metadata");
        cfg.put("hook_name", "blocks.0.attn.hook_z");
        cfg.put("reshape_activations", "hook_z");
        cfg.put("context_size", 128);
        cfg.put("prepend_bos", false);
        cfg.put(SaeNeeds.MODEL_ARGUMENTS, Map.of("center_writing_weights", true));
        Json.write(file, cfg);
        Sae old = Sae.open(dir.resolve("old"));
        assertThat(old.needs()).isEqualTo(new SaeNeeds(CENTRED, Precision.FP32, false, 128));
        save("again", old);
        assertThat(Json.tree(dir.resolve("again/cfg.json"))
                        .path("reshape_activations")
                        .asString())
                .isEqualTo("hook_z");
        cfg.put("hook_name", "blocks.0.hook_resid_post");
        Json.write(file, cfg);
        assertThatThrownBy(() -> Sae.open(dir.resolve("old")))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("reshape_activations");
        for (String normalize : new String[] {"expected_average_only_in", "layer_norm", "constant_norm_rescale"}) {
            cfg.put("reshape_activations", "none");
            cfg.put("normalize_activations", normalize);
            Json.write(file, cfg);
            assertThatThrownBy(() -> Sae.open(dir.resolve("old")))
                    .isInstanceOf(LoupeException.class)
                    .hasMessageContaining(normalize);
        }
    }

    private void refused(String part, Map<String, Object> metadata) {
        assertThatThrownBy(() -> sae(metadata))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining(part);
    }

    private Sae save(String name, Sae sae) {
        sae.save(dir.resolve(name));
        return Sae.open(dir.resolve(name));
    }

    /** Rebuilds everything with mean 0 over d_model, and nothing else: an orthonormal basis of it, both ways. */
    private static Sae sae(Map<String, Object> metadata) {
        float[][] rows = new float[2 * (D - 1)][D];
        for (int k = 1; k < D; k++) { // Helmert's contrasts
            double norm = Math.sqrt(k * (k + 1.0));
            for (int i = 0; i <= k; i++) {
                rows[k - 1][i] = (float) ((i < k ? 1 : -k) / norm);
                rows[D - 2 + k][i] = -rows[k - 1][i];
            }
        }
        int n = rows.length;
        return new Sae(
                "sae",
                new SaeConfig(Architecture.of("standard"), 0, true, "m", HOOK.name(), metadata),
                new SaeWeights(Matrix.copyOf(rows), Matrix.copyOf(rows), new float[n], new float[D], new float[0]),
                SaeProvenance.unknown());
    }

    private static double fvu(Sae sae, LanguageModel model) {
        TokenBatch batch =
                TokenBatch.of(model.tokenizer().encode("I would like to thank the rapporteur for all of it."));
        Activation x = model.forward(batch, Taps.read(HOOK), Want.NOTHING).activation(HOOK);
        double[] mean = new double[D];
        int n = batch.length(0);
        for (int p = 0; p < n; p++) {
            for (int i = 0; i < D; i++) {
                mean[i] += x.get(0, p, i) / n;
            }
        }
        double error = 0;
        double variance = 0;
        float[] back = new float[D];
        for (int p = 0; p < n; p++) {
            sae.decode(sae.encode(Matrix.copyOf(new float[][] {x.row(0, p)})), 0, back);
            for (int i = 0; i < D; i++) {
                error += Math.pow(x.get(0, p, i) - back[i], 2);
                variance += Math.pow(x.get(0, p, i) - mean[i], 2);
            }
        }
        return error / variance;
    }

    private Path text() throws IOException {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < 60; i++) {
            text.append("{\"text\": \"This is sentence number ")
                    .append(i)
                    .append(" of a short text about nothing.\"}\n");
        }
        return Files.writeString(dir.resolve("text.jsonl"), text);
    }

    private Path gpt2() throws IOException {
        Path folder = Files.createDirectories(dir.resolve("m"));
        Files.copy(
                LanguageModels.builtin(dir.resolve("models")).resolve("tokenizer.json"),
                folder.resolve("tokenizer.json"));
        Json.write(
                folder.resolve("config.json"),
                Map.of(
                        "architectures",
                        new String[] {"GPT2LMHeadModel"},
                        "n_embd",
                        D,
                        "n_head",
                        2,
                        "n_layer",
                        1,
                        "n_positions",
                        64,
                        "vocab_size",
                        VOCABULARY));
        Cases.Random random = Cases.random();
        SafetensorsWriter writer = new SafetensorsWriter();
        add(writer, random, "wte.weight", VOCABULARY, D);
        add(writer, random, "wpe.weight", 64, D);
        for (String norm : new String[] {"h.0.ln_1", "h.0.ln_2", "ln_f"}) {
            add(writer, random, norm + ".weight", D);
            add(writer, random, norm + ".bias", D);
        }
        map(writer, random, "h.0.attn.c_attn", D, 3 * D);
        map(writer, random, "h.0.attn.c_proj", D, D);
        map(writer, random, "h.0.mlp.c_fc", D, 4 * D);
        map(writer, random, "h.0.mlp.c_proj", 4 * D, D);
        writer.write(folder.resolve("model.safetensors"));
        return folder;
    }

    private static void map(SafetensorsWriter writer, Cases.Random random, String name, int in, int out) {
        add(writer, random, name + ".weight", in, out);
        add(writer, random, name + ".bias", out);
    }

    private static void add(SafetensorsWriter writer, Cases.Random random, String name, long... shape) {
        int n = 1;
        for (long s : shape) {
            n *= (int) s;
        }
        writer.add("transformer." + name, random.floats(n), shape);
    }
}
