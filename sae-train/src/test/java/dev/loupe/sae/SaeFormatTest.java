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
import java.util.Arrays;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Files written by the peers (tests/python/golden_sae_formats.py), and what the peers computed with them. */
class SaeFormatTest {
    @TempDir
    Path dir;

    static Path golden(String name) {
        try {
            return Path.of(Objects.requireNonNull(SaeFormatTest.class.getResource("formats/" + name))
                    .toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    private static Matrix matrix(SafetensorsFile file, String name) {
        long rows = file.tensor(name).shape().get(0);
        Matrix m = Matrix.allocate(
                Arena.ofAuto(), rows, file.tensor(name).shape().get(1).intValue());
        file.readFloats(name, m.segment());
        return m;
    }

    private static void agrees(Sae sae, Path expected) {
        try (SafetensorsFile file = SafetensorsFile.open(expected)) {
            Matrix x = matrix(file, "x");
            SparseCodes codes = sae.encode(x);
            Matrix latents = Matrix.allocate(Arena.ofAuto(), x.rows(), sae.dSae());
            for (int r = 0; r < x.rows(); r++) {
                for (int i = 0; i < sae.dSae(); i++) {
                    latents.set(r, i, codes.value(r, i));
                }
            }
            close(latents, matrix(file, "latents"));
            close(sae.reconstruct(x, Arena.ofAuto()), matrix(file, "output"));
        }
    }

    /** To 1e-5 of the largest value. */
    private static void close(Matrix actual, Matrix expected) {
        double max = 0;
        for (int r = 0; r < expected.rows(); r++) {
            for (int j = 0; j < expected.cols(); j++) {
                max = Math.max(max, Math.abs(expected.get(r, j)));
            }
        }
        assertThat(max).isGreaterThan(0.1);
        for (int r = 0; r < expected.rows(); r++) {
            for (int j = 0; j < expected.cols(); j++) {
                assertThat((double) actual.get(r, j)).isCloseTo(expected.get(r, j), within(1e-5 * max));
            }
        }
    }

    @Test
    void aTranscoderOfGemmaScopeIsToldByWhatItWrites() {
        Sae sae = SaeFormat.GEMMA_SCOPE.read(
                golden("gemma-scope/params.npz"), "x", "m", "blocks.5.ln2.hook_normalized", "blocks.5.hook_mlp_out");
        assertThat(sae.isTranscoder()).isTrue();
        assertThat(sae.hookName()).isEqualTo("blocks.5.ln2.hook_normalized");
        assertThat(sae.hooksOut()).containsExactly("blocks.5.hook_mlp_out");
        agrees(sae, golden("gemma-scope/expected.safetensors"));
        assertThatThrownBy(() -> SaeFormat.OPENAI.read(golden("openai/relu.pt"), "x", "m", "blocks.5.a", "blocks.5.b"))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("--hook-out");
    }

    @ParameterizedTest
    @CsvSource({
        "SPARSIFY, sparsify/layers.3, sparsify/layers.3/expected.safetensors, blocks.3.hook_resid_post",
        "SPARSIFY, sparsify/layers.2.mlp, sparsify/layers.2.mlp/expected.safetensors, blocks.2.hook_mlp_in",
        "GEMMA_SCOPE, gemma-scope/params.npz, gemma-scope/expected.safetensors, ''",
        "OPENAI, openai/relu.pt, openai/expected.safetensors, ''",
        "DICTIONARY_LEARNING, AutoEncoder, , blocks.3.hook_resid_post",
        "DICTIONARY_LEARNING, AutoEncoderNew, , blocks.3.hook_resid_post",
        "DICTIONARY_LEARNING, AutoEncoderTopK, , blocks.3.hook_resid_post",
        "DICTIONARY_LEARNING, BatchTopKSAE, , blocks.3.hook_resid_post",
        "DICTIONARY_LEARNING, MatryoshkaBatchTopKSAE, , blocks.3.hook_resid_post",
        "DICTIONARY_LEARNING, JumpReluAutoEncoder, , blocks.3.hook_resid_post",
        "DICTIONARY_LEARNING, GatedAutoEncoder, , blocks.3.hook_resid_post",
        "SAELENS, gated, , blocks.1.hook_resid_post",
        "SAELENS, batchtopk, , blocks.1.hook_resid_post",
        "SAELENS, transcoder, , blocks.1.hook_resid_post",
        "SAELENS, skip_transcoder, , blocks.1.hook_resid_post",
        "SAELENS, jumprelu_transcoder, , blocks.1.hook_resid_post"
    })
    void whatThePeersWroteDoesHereWhatItDidThere(
            SaeFormat format, String source, @Nullable String expectedIn, String hook) throws IOException {
        String file = expectedIn == null ? format.id() + "/" + source : source;
        assertThat(SaeFormat.tell(golden(file))).isEqualTo(format);
        String expected = expectedIn == null ? file + "/expected.safetensors" : expectedIn;
        Sae sae = format.read(golden(file), "read", "model", "");
        assertThat(sae.hookName()).isEqualTo(hook);
        assertThat(sae.modelId()).isEqualTo("model");
        agrees(sae, golden(expected));
        // kept as our own folder
        sae.save(dir.resolve("ours"));
        agrees(Sae.open(dir.resolve("ours")), golden(expected));
        // and written again in the peer's format: the same tensors
        Path again = dir.resolve(format.isFile() ? "again.npz" : "again");
        format.write(Sae.open(dir.resolve("ours")), again);
        agrees(format.read(again, "again", "", hook), golden(expected));
    }

    @ParameterizedTest
    @EnumSource(Architecture.class)
    void theSubtractionOfTheBiasIsFoldedWhereAFormatHasItOtherwise(Architecture a) {
        Cases.check(5, random -> {
            for (boolean subtracts : new boolean[] {true, false}) {
                Sae sae = random(random, a, subtracts);
                Matrix x = Matrix.copyOf(random.matrix(30, 6));
                for (SaeFormat format : SaeFormat.values()) {
                    boolean has = switch (format) {
                        case SAELENS, DICTIONARY_LEARNING -> true;
                        case SPARSIFY -> a == Architecture.TOPK;
                        case GEMMA_SCOPE -> a != Architecture.TOPK;
                        case OPENAI -> a == Architecture.RELU;
                    };
                    Path to = dir.resolve(format.id() + random.nextLong());
                    if (!has) {
                        assertThatThrownBy(() -> format.write(sae, to))
                                .isInstanceOf(LoupeException.class)
                                .hasMessageContaining("saelens");
                        assertThat(to).doesNotExist();
                        continue;
                    }
                    format.write(sae, to);
                    Sae back = format.read(to, "back", "", "");
                    close(back.reconstruct(x, Arena.ofAuto()), sae.reconstruct(x, Arena.ofAuto()));
                }
            }
        });
    }

    @Test
    void aPickleThatCallsSomethingIsRefusedAndNotRun() {
        byte[] program = "\u0080\u0002cos\nsystem\n(X\u0004\u0000\u0000\u0000truetR."
                .getBytes(java.nio.charset.StandardCharsets.ISO_8859_1);
        assertThatThrownBy(() -> new Unpickler(program).run())
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("os.system");
        Cases.check(
                200,
                random -> { // whatever the bytes are, there is an answer or one of the exceptions that are caught
                    byte[] bytes = new byte[random.nextInt(1, 40)];
                    for (int i = 0; i < bytes.length; i++) {
                        bytes[i] = program[random.nextInt(program.length)];
                    }
                    try {
                        new Unpickler(bytes).run();
                    } catch (IllegalStateException
                            | IndexOutOfBoundsException
                            | ClassCastException
                            | ArithmeticException
                            | java.nio.BufferUnderflowException
                            | java.util.NoSuchElementException
                            | NullPointerException expected) {
                        assertThat(expected).isNotNull();
                    }
                });
    }

    private static Sae random(Cases.Random random, Architecture a, boolean subtracts) {
        float[] theta = new float[a == Architecture.JUMPRELU ? 11 : 0];
        for (int i = 0; i < theta.length; i++) {
            theta[i] = random.nextFloat();
        }
        return new Sae(
                "r",
                new SaeConfig(a, a == Architecture.TOPK ? 3 : 0, subtracts, "", "", Map.of()),
                new SaeWeights(
                        Matrix.copyOf(random.matrix(11, 6)),
                        Matrix.copyOf(random.matrix(11, 6)),
                        random.floats(11),
                        random.floats(6),
                        theta),
                SaeProvenance.unknown());
    }

    @Test
    void damagedAndForeignFilesAreRefusedInOneSentence() throws IOException {
        byte[] good = Files.readAllBytes(golden("gemma-scope/params.npz"));
        Path bad = dir.resolve("bad.npz");
        Files.write(bad, Arrays.copyOf(good, good.length / 2));
        assertThatThrownBy(() -> SaeFormat.GEMMA_SCOPE.read(bad, "x", "", ""))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("bad.npz");
        assertThatThrownBy(() -> SaeFormat.SPARSIFY.read(dir, "x", "", ""))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("sparsify");
        byte[] torch = Files.readAllBytes(golden("dictionary_learning/AutoEncoder/ae.pt"));
        Path cut = Files.createDirectories(dir.resolve("cut")).resolve("ae.pt");
        Files.write(cut, Arrays.copyOf(torch, torch.length - 100));
        assertThatThrownBy(
                        () -> SaeFormat.DICTIONARY_LEARNING.read(cut.getParent(), "x", "", "blocks.0.hook_resid_post"))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("ae.pt");
        assertThatThrownBy(() -> SaeFormat.OPENAI.read(golden("openai/topk.pt"), "x", "", "h"))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("normalises every token");
        assertThatThrownBy(() -> SaeFormat.DICTIONARY_LEARNING.read(golden("openai/relu.pt"), "x", "", "h"))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("lacks the tensor");
        assertThatThrownBy(() -> SaeFormat.of("sae-lens")).hasMessageContaining("saelens, sparsify, gemma-scope");
    }
}
