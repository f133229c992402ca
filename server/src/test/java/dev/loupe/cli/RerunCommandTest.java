package dev.loupe.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.base.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code patch --rerun} and {@code circuit --rerun}: saved, computed again, and told apart when a number was changed. */
class RerunCommandTest {
    @TempDir
    static Path dir;

    private static Cli cli;

    @BeforeAll
    static void copy() throws IOException {
        cli = SmallWorkspace.linked(dir, "saes", "activations");
    }

    private static Cli.Result ok(String... args) {
        Cli.Result r = cli.run(args);
        assertThat(r.code()).as(r.err()).isZero();
        return r;
    }

    @Test
    void aPatchIsComputedAgainFromItsManifest() throws IOException {
        ok(
                "patch",
                "--clean",
                "I would like to thank the rapporteur. I",
                "--corrupt",
                "We would like to thank the rapporteur. We",
                "--answer",
                " am",
                "--wrong",
                " are",
                "--sites",
                "resid_pre,sae:tiny-s0",
                "--save",
                "mine");
        assertThat(ok("patch", "--rerun", "mine").out())
                .isEqualToIgnoringNewLines("mine: computed again, every number is the same to the last bit.");
        forge(dir.resolve("patches"), "mine", "patch.json", "clean_metric");
        assertThat(ok("patch", "--rerun", "forged").out()).contains("these parts differ: clean_metric.");
        Cli.Result json = ok("--json", "patch", "--rerun", "forged");
        assertThat(json.json().path("same").asBoolean(true)).isFalse();
        assertThat(json.json().path("same_model").asBoolean()).isTrue();
    }

    @Test
    void aCircuitIsComputedAgainFromItsManifest() throws IOException {
        ok(
                "circuit",
                "--task",
                "person",
                "--task-pairs",
                "2",
                "--saes",
                "tiny-s0",
                "--nodes",
                "5",
                "--points",
                "2",
                "--save",
                "small");
        assertThat(ok("circuit", "--rerun", "small").out())
                .isEqualToIgnoringNewLines("small: computed again, every number is the same to the last bit.");
        forge(dir.resolve("circuits"), "small", "circuit.json", "whole");
        assertThat(ok("circuit", "--rerun", "forged").out()).contains("these parts differ: whole.");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            patch   | no patching result nobody
            circuit | no circuit nobody
            """)
    void aNameThatIsNotThereIsOneSentence(String command, String sentence) {
        Cli.Result r = cli.run(command, "--rerun", "nobody");
        assertThat(r.code()).isEqualTo(1);
        assertThat(r.out()).isEmpty();
        assertThat(r.err()).contains(sentence).doesNotContain("\tat ");
    }

    /** A copy of a saved result in which one number is another. */
    private static void forge(Path results, String name, String file, String number) throws IOException {
        Path forged = Files.createDirectories(results.resolve("forged"));
        Path manifest = results.resolve(name).resolve(file);
        String was = "\"" + number + "\" : " + Json.tree(manifest).path(number);
        String text = Files.readString(manifest);
        assertThat(text).contains(was);
        Files.writeString(forged.resolve(file), text.replace(was, "\"" + number + "\" : 1.5"));
    }
}
