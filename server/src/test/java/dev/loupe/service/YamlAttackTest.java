package dev.loupe.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.UsageException;
import dev.loupe.fixtures.Cases;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Settings that unfold to gigabytes, that contain themselves, that name classes, or that are damaged. */
class YamlAttackTest {
    private static final int CASES = Integer.getInteger("loupe.fuzz.cases", 5_000) / 5;

    @TempDir
    Path folder;

    private Object read(String text) throws IOException {
        Path file = folder.resolve("sweep.yaml");
        Files.writeString(file, text);
        return SafeYaml.read(file);
    }

    /** "Billion laughs" with so few aliases that no limit on their number notices. */
    private static String laughs() {
        StringBuilder text = new StringBuilder("a0: &a0 {x: 1}\n");
        for (int i = 1; i <= 24; i++) {
            text.append("a%d: &a%d {l: *a%d, r: *a%d}\n".formatted(i, i, i - 1, i - 1));
        }
        return text.toString();
    }

    @Test
    void aliasesThatUnfoldWithoutEndAreRefused() {
        for (String bomb : new String[] {
            laughs(), "a: &a {b: *a}", "a: &a [*a]", "{".repeat(20_000), "[".repeat(20_000), "- ".repeat(20_000)
        }) {
            assertThatThrownBy(() -> read(bomb))
                    .as(bomb.substring(0, Math.min(30, bomb.length())))
                    .isInstanceOf(UsageException.class)
                    .hasMessageContaining("sweep.yaml");
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "a: !!javax.script.ScriptEngineManager [!!java.net.URLClassLoader [[!!java.net.URL ['http://localhost']]]]",
                "a: !!java.lang.ProcessBuilder [[id]]",
                "!!java.io.File [/etc/passwd]"
            })
    void typesOfALanguageAreNeverMade(String text) {
        assertThatThrownBy(() -> read(text)).isInstanceOf(UsageException.class).hasMessageContaining("sweep.yaml");
    }

    @Test
    void ordinaryAliasesStillWork() throws IOException {
        assertThat(read("base: &b {k: 8}\nset: *b")).isEqualTo(Map.of("base", Map.of("k", 8), "set", Map.of("k", 8)));
    }

    @Test
    void damagedFilesAreReadOrRefusedInASentence() throws IOException {
        byte[] whole = ("name: s\nstore: eu\narch: [topk, jumprelu]\nd_sae: [512, 1024]\nk: [8]\nseeds: [0, 1]\nset:\n"
                        + "  learning_rate: 0.001\n  batch: &x 4096\nvary: {warmup: [1, 2.5, *x], note: \"a\\tb\"}\nt: |\n  x\n")
                .getBytes(StandardCharsets.UTF_8);
        Path file = folder.resolve("loupe.yaml");
        int[] refused = {0};
        Cases.checkSame(CASES, random -> {
            byte[] bytes = whole.clone();
            for (int i = random.nextInt(1, 5); i > 0; i--) {
                int at = random.nextInt(bytes.length);
                bytes[at] = random.nextBoolean()
                        ? (byte) random.nextInt(256)
                        : (byte) "&*!|>{}[],:-?%@`'\"#\t\n ".charAt(random.nextInt(22));
            }
            Files.write(file, bytes);
            try {
                SafeYaml.read(file);
            } catch (UsageException e) {
                refused[0]++;
                assertThat(e.getMessage()).contains("loupe.yaml").hasSizeLessThan(1000);
            }
        });
        System.out.println(CASES + " damaged YAML files: " + refused[0] + " refused");
        if (System.getProperty("seed", "").isEmpty()) {
            assertThat(refused[0]).isBetween(CASES / 20, CASES - CASES / 100);
        }
    }
}
