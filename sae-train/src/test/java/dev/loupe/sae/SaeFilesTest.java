package dev.loupe.sae;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import dev.loupe.base.NotFoundException;
import dev.loupe.fixtures.Cases;
import dev.loupe.fixtures.Floats;
import dev.loupe.math.Matrix;
import dev.loupe.model.SafetensorsFile;
import dev.loupe.model.SafetensorsWriter;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

class SaeFilesTest {
    private static final int D = 6;
    private static final int N = 11;

    @TempDir
    Path dir;

    private static Sae random(Cases.Random random, Architecture a, boolean applyBDec) {
        float[] theta = new float[a == Architecture.JUMPRELU ? N : 0];
        for (int i = 0; i < theta.length; i++) {
            theta[i] = random.nextFloat();
        }
        return new Sae(
                "x",
                new SaeConfig(
                        a,
                        a == Architecture.TOPK ? 3 : 0,
                        applyBDec,
                        "toy",
                        "blocks.1.hook_resid_post",
                        Map.of("context_size", 64)),
                new SaeWeights(
                        Matrix.copyOf(random.matrix(N, D)),
                        Matrix.copyOf(random.matrix(N, D)),
                        random.floats(N),
                        random.floats(D),
                        theta),
                SaeProvenance.unknown());
    }

    @ParameterizedTest
    @EnumSource(Architecture.class)
    void whatIsSavedIsOpenedAndEncodesTheSame(Architecture a) {
        Cases.check(6, random -> {
            Sae sae = random(random, a, random.nextBoolean());
            Path folder = dir.resolve(a.id() + random.index());
            sae.save(folder);
            Sae again = Sae.open(folder);
            assertThat(again.name()).isEqualTo(a.id() + random.index());
            assertThat(again.config()).isEqualTo(sae.config());
            Matrix x = Matrix.copyOf(random.matrix(60, D));
            SparseCodes one = sae.encode(x);
            SparseCodes two = again.encode(x);
            assertThat(two.offsets()).containsExactly(one.offsets());
            assertThat(two.ids()).containsExactly(one.ids());
            Floats.assertIdentical(two.values(), one.values());
        });
    }

    @ParameterizedTest
    @EnumSource(Architecture.class)
    void encodingIsTheFormulaOfTheField(Architecture a) {
        Cases.check(10, random -> {
            Sae sae = random(random, a, random.nextBoolean());
            float[][] x = random.matrix(9, D);
            SparseCodes codes = sae.encode(Matrix.copyOf(x));
            for (int r = 0; r < x.length; r++) {
                double[] pi = new double[N];
                for (int i = 0; i < N; i++) {
                    pi[i] = sae.bEnc()[i];
                    for (int j = 0; j < D; j++) {
                        double input = sae.applyBDecToInput() ? x[r][j] - sae.bDec()[j] : x[r][j];
                        pi[i] += input * sae.encoderRows().get(i, j);
                    }
                    assertThat((double) sae.preActivation(x[r], i)).isCloseTo(pi[i], within(1e-4));
                }
                double[] sorted = pi.clone();
                Arrays.sort(sorted);
                for (int i = 0; i < N; i++) {
                    double limit = switch (a) {
                        case RELU -> 0;
                        case TOPK -> Math.max(0, (sorted[N - 3] + sorted[N - 4]) / 2);
                        case JUMPRELU -> sae.threshold()[i];
                    };
                    assertThat((double) codes.value(r, i)).isCloseTo(pi[i] > limit ? pi[i] : 0, within(1e-4));
                }
                float[] out = new float[D];
                sae.decode(codes, r, out);
                for (int j = 0; j < D; j++) {
                    double expected = sae.bDec()[j];
                    for (int i = 0; i < N; i++) {
                        expected += codes.value(r, i) * sae.decoderRows().get(i, j);
                    }
                    assertThat((double) out[j]).isCloseTo(expected, within(1e-4));
                }
            }
        });
    }

    @Test
    void topKOfTheWorkedExampleKeepsTwoAndRectifies() {
        Matrix identity = Matrix.copyOf(new float[][] {{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}, {0, 0, 0, 1}});
        Sae sae = new Sae(
                "x",
                new SaeConfig(Architecture.TOPK, 2, true, "", "", Map.of()),
                new SaeWeights(identity, identity, new float[4], new float[4], new float[0]),
                SaeProvenance.unknown());
        SparseCodes codes = sae.encode(Matrix.copyOf(new float[][] {{.5f, -1, 2, .1f}, {-.5f, -1, -2, -.1f}}));
        assertThat(codes.count(0)).isEqualTo(2);
        assertThat(codes.value(0, 0)).isEqualTo(.5f);
        assertThat(codes.value(0, 2)).isEqualTo(2);
        assertThat(codes.count(1)).isZero();
    }

    @ParameterizedTest
    @EnumSource(Architecture.class)
    void theFolderIsKeyByKeyThatOfSaeLens6(Architecture a) {
        Sae sae = random(Cases.random(), a, true);
        sae.save(dir.resolve("s"));
        JsonNode cfg = Json.tree(dir.resolve("s/cfg.json"));
        assertThat(cfg.path("architecture").asString()).isEqualTo(a.saeLensName());
        assertThat(cfg.path("d_in").asInt()).isEqualTo(D);
        assertThat(cfg.path("d_sae").asInt()).isEqualTo(N);
        assertThat(cfg.path("dtype").asString()).isEqualTo("float32");
        assertThat(cfg.path("apply_b_dec_to_input").asBoolean()).isTrue();
        assertThat(cfg.path("normalize_activations").asString()).isEqualTo("none");
        assertThat(cfg.path("reshape_activations").asString()).isEqualTo("none");
        assertThat(cfg.has("k")).isEqualTo(a == Architecture.TOPK);
        assertThat(cfg.path("metadata").path("hook_name").asString()).isEqualTo("blocks.1.hook_resid_post");
        assertThat(cfg.path("metadata").path("model_name").asString()).isEqualTo("toy");
        assertThat(cfg.path("metadata").path("context_size").asInt()).isEqualTo(64);
        try (SafetensorsFile file = SafetensorsFile.open(dir.resolve("s/sae_weights.safetensors"))) {
            assertThat(file.tensor("W_enc").hasShape(D, N)).isTrue();
            assertThat(file.tensor("W_dec").hasShape(N, D)).isTrue();
            assertThat(file.tensor("b_enc").hasShape(N)).isTrue();
            assertThat(file.tensor("b_dec").hasShape(D)).isTrue();
            assertThat(file.has("threshold")).isEqualTo(a == Architecture.JUMPRELU);
            assertThat(file.floats("W_enc")[1 * N + 4])
                    .isEqualTo(sae.encoderRows().get(4, 1));
        }
    }

    @Test
    void damagedAndLyingFoldersAreRefusedInOneSentence() throws IOException {
        Cases.Random random = Cases.random();
        Path good = dir.resolve("good");
        random(random, Architecture.JUMPRELU, true).save(good);
        byte[] weights = Files.readAllBytes(good.resolve(SaeFiles.WEIGHTS));
        for (int length : new int[] {0, 7, 8, 100, weights.length / 2, weights.length - 1}) {
            Path bad = folder("cut" + length, cfg(good), Arrays.copyOf(weights, length));
            refused(bad, SaeFiles.WEIGHTS);
        }
        refused(folder("d_sae", cfg(good).put("d_sae", N + 1), weights), "W_enc");
        refused(folder("d_in", cfg(good).put("d_in", -3), weights), "d_in");
        refused(folder("arch", cfg(good).put("architecture", "matching_pursuit"), weights), "matching_pursuit");
        refused(folder("gated", cfg(good).put("architecture", "gated"), weights), "b_gate");
        refused(folder("relu", cfg(good).put("normalize_activations", "layer_norm"), weights), "layer_norm");
        refused(folder("hook_z", cfg(good).put("reshape_activations", "hook_z"), weights), "hook_z");
        refused(folder("k", cfg(good).put("architecture", "topk").put("k", 99), weights), "k = 99");
        Files.writeString(good.resolve(SaeFiles.CONFIG), "{");
        refused(good, SaeFiles.CONFIG);
        assertThatThrownBy(() -> Sae.open(dir.resolve("absent"))).isInstanceOf(NotFoundException.class);

        Sae nan = random(random, Architecture.RELU, true);
        nan.bEnc()[3] = Float.NaN;
        nan.save(dir.resolve("nan"));
        refused(dir.resolve("nan"), "b_enc");
    }

    private static ObjectNode cfg(Path folder) {
        return (ObjectNode) Json.tree(folder.resolve(SaeFiles.CONFIG));
    }

    private Path folder(String name, ObjectNode cfg, byte[] weights) throws IOException {
        Path folder = Files.createDirectories(dir.resolve(name));
        Files.write(folder.resolve(SaeFiles.WEIGHTS), weights);
        Json.write(folder.resolve(SaeFiles.CONFIG), cfg);
        return folder;
    }

    private static void refused(Path folder, String naming) {
        assertThatThrownBy(() -> Sae.open(folder))
                .as(folder.getFileName().toString())
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining(naming);
    }

    @Test
    void foldersOfOthersAreReadToo() throws IOException {
        Cases.Random random = Cases.random();
        Sae sae = random(random, Architecture.TOPK, false);
        sae.save(dir.resolve("six"));
        Files.delete(dir.resolve("six/loupe.json"));
        assertThat(Sae.open(dir.resolve("six")).applyBDecToInput()).isFalse();
        assertThat(Sae.open(dir.resolve("six")).provenance().store()).isNull();

        // before version 6: flat, a TopK SAE called standard
        Map<String, Object> flat = new LinkedHashMap<>();
        flat.put("architecture", "standard");
        flat.put("activation_fn_str", "topk");
        flat.put("activation_fn_kwargs", Map.of("k", 3));
        flat.put("d_in", D);
        flat.put("d_sae", N);
        flat.put("apply_b_dec_to_input", false);
        flat.put("normalize_activations", "none");
        flat.put("hook_point", "blocks.1.hook_resid_post");
        flat.put("model_name", "toy");
        byte[] weights = Files.readAllBytes(dir.resolve("six/sae_weights.safetensors"));
        Sae old = Sae.open(folder("five", Json.MAPPER.valueToTree(flat), weights));
        assertThat(old.architecture()).isEqualTo(Architecture.TOPK);
        assertThat(old.k()).isEqualTo(3);
        assertThat(old.hookName()).isEqualTo("blocks.1.hook_resid_post");
    }

    @Test
    void selectionByDecoderNormIsFoldedIntoTheWeights() throws IOException {
        Cases.Random random = Cases.random();
        Sae sae = random(random, Architecture.TOPK, true);
        sae.save(dir.resolve("plain"));
        ObjectNode cfg = cfg(dir.resolve("plain")).put("rescale_acts_by_decoder_norm", true);
        Sae scaled = Sae.open(folder("scaled", cfg, Files.readAllBytes(dir.resolve("plain/sae_weights.safetensors"))));
        float[] x = random.floats(D);
        SparseCodes codes = scaled.encode(Matrix.copyOf(new float[][] {x}));
        for (int i = 0; i < N; i++) {
            double norm = 0;
            for (float v : sae.decoderRows().row(i)) {
                norm += (double) v * v;
            }
            double expected = sae.preActivation(x, i) * Math.sqrt(norm);
            assertThat((double) scaled.preActivation(x, i)).isCloseTo(expected, within(1e-4));
            assertThat(scaled.decoderRows().segment().toArray(ValueLayout.JAVA_FLOAT_UNALIGNED))
                    .doesNotContain(Float.NaN);
        }
        assertThat(codes.count(0)).isLessThanOrEqualTo(3);
    }

    @Test
    void anOldLogarithmicThresholdIsUnderstood() throws IOException {
        Sae sae = random(Cases.random(), Architecture.JUMPRELU, true);
        sae.save(dir.resolve("new"));
        float[] logs = new float[N];
        for (int i = 0; i < N; i++) {
            logs[i] = (float) Math.log(sae.threshold()[i]);
        }
        Path folder = folder("old", cfg(dir.resolve("new")), new byte[0]);
        new SafetensorsWriter()
                .add(
                        "W_enc",
                        sae.encoderRows()
                                .transposed(java.lang.foreign.Arena.ofAuto())
                                .segment(),
                        D,
                        N)
                .add("W_dec", sae.decoderRows().segment(), N, D)
                .add("b_enc", sae.bEnc(), N)
                .add("b_dec", sae.bDec(), D)
                .add("log_threshold", logs, N)
                .write(folder.resolve(SaeFiles.WEIGHTS));
        Floats.assertClose(Sae.open(folder).threshold(), sae.threshold(), 1e-5);
    }
}
