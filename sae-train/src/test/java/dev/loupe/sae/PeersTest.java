package dev.loupe.sae;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.fixtures.ProjectRoot;
import dev.loupe.fixtures.Python;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What Loupe wrote, in the hands of the libraries it was written for: {@code ./loupe test --peers}. The SAEs are those of the
 * golden files, so what they compute is known.
 */
@Tag("peers")
class PeersTest {
    private static final double MOST = 1e-5;

    @TempDir
    Path dir;

    @BeforeAll
    static void peers() {
        Assumptions.assumeFalse(
                System.getProperty("loupe.peers", "").isEmpty(),
                "the peers' environment (./loupe test --peers makes it)");
    }

    @ParameterizedTest
    @ValueSource(strings = {"set", "skip", "clt"})
    void circuitTracerDoesTheSameWithOurFolders(String name) throws IOException {
        Path golden = CircuitTracerFormatTest.golden(name);
        CircuitTracerFormat.write(CircuitTracerFormat.read(golden, "ours", ""), dir.resolve("ours"));
        agrees(run("golden_circuit_tracer.py", "check", dir.resolve("ours"), golden.resolve("expected.safetensors")));
    }

    @ParameterizedTest
    @CsvSource({
        "DICTIONARY_LEARNING, dictionary_learning/AutoEncoder, DICTIONARY_LEARNING",
        "DICTIONARY_LEARNING, dictionary_learning/AutoEncoderNew, DICTIONARY_LEARNING",
        "DICTIONARY_LEARNING, dictionary_learning/AutoEncoderTopK, DICTIONARY_LEARNING",
        "DICTIONARY_LEARNING, dictionary_learning/JumpReluAutoEncoder, DICTIONARY_LEARNING",
        "DICTIONARY_LEARNING, dictionary_learning/BatchTopKSAE, DICTIONARY_LEARNING",
        "DICTIONARY_LEARNING, dictionary_learning/MatryoshkaBatchTopKSAE, DICTIONARY_LEARNING",
        "DICTIONARY_LEARNING, dictionary_learning/GatedAutoEncoder, DICTIONARY_LEARNING",
        "DICTIONARY_LEARNING, dictionary_learning/AutoEncoder, SAELENS", // standard
        "DICTIONARY_LEARNING, dictionary_learning/AutoEncoderTopK, SAELENS", // topk
        "DICTIONARY_LEARNING, dictionary_learning/JumpReluAutoEncoder, SAELENS", // jumprelu
        "SPARSIFY, sparsify/layers.3, SAELENS",
        "SAELENS, saelens/gated, SAELENS",
        "SAELENS, saelens/batchtopk, SAELENS",
        "SAELENS, saelens/transcoder, SAELENS",
        "SAELENS, saelens/jumprelu_transcoder, SAELENS",
        "SAELENS, saelens/skip_transcoder, SAELENS",
        "DICTIONARY_LEARNING, dictionary_learning/AutoEncoderTopK, SPARSIFY",
        "SPARSIFY, sparsify/layers.3, SPARSIFY",
        "SPARSIFY, sparsify/layers.2.mlp, SPARSIFY"
    })
    void theLibraryOfAFormatDoesTheSameWithOurFiles(SaeFormat from, String name, SaeFormat to) throws IOException {
        Path golden = SaeFormatTest.golden(name);
        Path ours = dir.resolve("ours");
        to.write(from.read(golden, "ours", "model", "blocks.3.hook_resid_post"), ours);
        agrees(run("check_sae_formats.py", to.id(), ours, golden.resolve("expected.safetensors")));
    }

    private static String run(String script, Object... arguments) throws IOException {
        Object[] all = new Object[arguments.length + 1];
        all[0] = ProjectRoot.resolve("tests/python/" + script);
        System.arraycopy(arguments, 0, all, 1, arguments.length);
        String program = "import runpy, sys; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')";
        return Python.run(Path.of(System.getProperty("loupe.peers", "")), program, all);
    }

    private static void agrees(String printed) {
        assertThat(printed.lines().filter(l -> l.matches("(latents|output) .*")))
                .hasSize(2)
                .allSatisfy(l -> assertThat(Double.parseDouble(l.split(" ")[1])).isLessThanOrEqualTo(MOST));
    }
}
