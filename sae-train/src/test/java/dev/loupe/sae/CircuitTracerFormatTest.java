package dev.loupe.sae;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.base.LoupeException;
import dev.loupe.base.UsageException;
import dev.loupe.fixtures.Cases;
import dev.loupe.math.Matrix;
import dev.loupe.model.SafetensorsFile;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Folders that circuit-tracer wrote (tests/python/golden_circuit_tracer.py), and what it computed with them. */
class CircuitTracerFormatTest {
    @TempDir
    Path dir;

    static Path golden(String name) {
        try {
            return Path.of(
                    Objects.requireNonNull(CircuitTracerFormatTest.class.getResource("formats/circuit-tracer/" + name))
                            .toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"set", "skip", "clt"})
    void whatCircuitTracerWroteDoesHereWhatItDidThere(String name) throws IOException {
        TranscoderSet set = CircuitTracerFormat.read(golden(name), "read", "");
        assertThat(set.modelId()).isEqualTo("toy");
        assertThat(set.crossLayer()).isEqualTo(name.equals("clt"));
        assertThat(set.hookIn(2).name()).isEqualTo("blocks.2.hook_resid_mid");
        assertThat(set.hookOut(1).name()).isEqualTo("blocks.1.hook_mlp_out");
        agrees(set, golden(name));
        // kept as SAEs of a workspace
        for (int l = 0; l < set.size(); l++) {
            set.layer(l).save(dir.resolve(TranscoderSet.nameOf("kept", l)));
        }
        TranscoderSet kept = TranscoderSet.open(dir, "kept");
        agrees(kept, golden(name));
        // and written again: the same bytes in every tensor
        CircuitTracerFormat.write(kept, dir.resolve("again"));
        agrees(CircuitTracerFormat.read(dir.resolve("again"), "again", ""), golden(name));
        try (var files = Files.list(golden(name))) {
            for (Path file : files.filter(
                            f -> f.toString().endsWith(".safetensors") && !f.endsWith("expected.safetensors"))
                    .toList()) {
                sameTensors(
                        file, dir.resolve("again").resolve(file.getFileName().toString()));
            }
        }
        assertThat(Files.readString(dir.resolve("again/config.yaml")))
                .isEqualTo(Files.readString(golden(name).resolve("config.yaml")));
    }

    private static void sameTensors(Path expected, Path actual) {
        try (SafetensorsFile a = SafetensorsFile.open(expected);
                SafetensorsFile b = SafetensorsFile.open(actual)) {
            assertThat(b.tensors().keySet()).isEqualTo(a.tensors().keySet());
            for (String tensor : a.tensors().keySet()) {
                assertThat(b.tensor(tensor).shape()).isEqualTo(a.tensor(tensor).shape());
                assertThat(b.floats(tensor)).containsExactly(a.floats(tensor));
            }
        }
    }

    private static void agrees(TranscoderSet set, Path folder) {
        try (SafetensorsFile file = SafetensorsFile.open(folder.resolve("expected.safetensors"))) {
            List<Matrix> x = layers(file, "x");
            List<Matrix> latents = layers(file, "latents");
            for (int l = 0; l < set.size(); l++) {
                SparseCodes codes = set.encode(l, x.get(l));
                Matrix dense = Matrix.allocate(Arena.ofAuto(), x.get(l).rows(), set.dSae(l));
                for (int r = 0; r < dense.rows(); r++) {
                    for (int e = codes.start(r); e < codes.end(r); e++) {
                        dense.set(r, codes.ids()[e], codes.values()[e]);
                    }
                }
                close(dense, latents.get(l));
            }
            List<Matrix> output = set.reconstruct(x, Arena.ofAuto());
            List<Matrix> expected = layers(file, "output");
            for (int l = 0; l < set.size(); l++) {
                close(output.get(l), expected.get(l));
            }
        }
    }

    private static List<Matrix> layers(SafetensorsFile file, String tensor) {
        List<Long> shape = file.tensor(tensor).shape();
        int rows = shape.get(1).intValue();
        int cols = shape.get(2).intValue();
        Matrix all = Matrix.copyOf(file.floats(tensor), shape.get(0) * rows, cols);
        List<Matrix> layers = new ArrayList<>();
        for (int l = 0; l < shape.get(0); l++) {
            layers.add(all.rows((long) l * rows, (long) (l + 1) * rows));
        }
        return layers;
    }

    /** To 1e-5 of the largest value. */
    private static void close(Matrix actual, Matrix expected) {
        double max = 0;
        for (float v : expected.segment().toArray(java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED)) {
            max = Math.max(max, Math.abs(v));
        }
        assertThat(max).isGreaterThan(0.1);
        for (int r = 0; r < expected.rows(); r++) {
            for (int j = 0; j < expected.cols(); j++) {
                assertThat((double) actual.get(r, j)).isCloseTo(expected.get(r, j), within(1e-5 * max));
            }
        }
    }

    @Test
    void theApiOfASetSaysWhatEachLatentWrites() {
        TranscoderSet clt = CircuitTracerFormat.read(golden("clt"), "clt", "");
        assertThat(clt.writes(0, 2)).isTrue();
        assertThat(clt.writes(2, 0)).isFalse();
        float[] row = clt.layer(1).decoderRows().row(3);
        assertThat(clt.decoderRow(1, 3, 1)).containsExactly(java.util.Arrays.copyOf(row, 6));
        assertThat(clt.decoderRow(1, 3, 2)).containsExactly(java.util.Arrays.copyOfRange(row, 6, 12));
        assertThatThrownBy(() -> clt.decoderRow(1, 3, 0))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("layer 0");
        TranscoderSet set = CircuitTracerFormat.read(golden("set"), "set", "");
        assertThat(set.writes(0, 1)).isFalse();
        assertThat(set.decoderRow(1, 3, 1))
                .containsExactly(set.layer(1).decoderRows().row(3));
    }

    @Test
    void whatTheFormatCannotSayAndDamagedFoldersAreRefused() throws IOException {
        Cases.Random random = Cases.random();
        Sae topK = new Sae(
                "t-l0",
                new SaeConfig(
                        Architecture.TOPK, 2, false, "m", "blocks.0.hook_mlp_in", "blocks.0.hook_mlp_out", Map.of()),
                new SaeWeights(
                        Matrix.copyOf(random.matrix(4, 3)),
                        Matrix.copyOf(random.matrix(4, 3)),
                        new float[4],
                        new float[3],
                        new float[0]),
                SaeProvenance.unknown());
        Path target = dir.resolve("t");
        assertThatThrownBy(() -> CircuitTracerFormat.write(new TranscoderSet("t", List.of(topK)), target))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("batchtopk");
        assertThat(target).doesNotExist();
        assertThatThrownBy(() -> new TranscoderSet("t", List.of(topK, topK, ToyLayer.sae(5))))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("do not fit together");
        Path folder = Files.createDirectories(dir.resolve("damaged"));
        assertThatThrownBy(() -> CircuitTracerFormat.read(folder, "x", "")).hasMessageContaining("layer_0.safetensors");
        for (String file : List.of("W_enc_0.safetensors", "W_enc_1.safetensors", "W_dec_0.safetensors")) {
            Files.copy(golden("clt").resolve(file), folder.resolve(file));
        }
        Files.copy(golden("clt").resolve("W_dec_2.safetensors"), folder.resolve("W_dec_1.safetensors"));
        assertThatThrownBy(() -> CircuitTracerFormat.read(folder, "x", ""))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("W_dec_");
    }

    /** A layer that fits no other. */
    private static final class ToyLayer {
        static Sae sae(int width) {
            return new Sae(
                    "odd",
                    new SaeConfig(Architecture.RELU, 0, false, "m", "a", "b", Map.of()),
                    new SaeWeights(
                            Matrix.copyOf(new float[2][width]),
                            Matrix.copyOf(new float[2][width]),
                            new float[2],
                            new float[width],
                            new float[0]),
                    SaeProvenance.unknown());
        }
    }
}
