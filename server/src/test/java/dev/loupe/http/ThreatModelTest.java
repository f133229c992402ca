package dev.loupe.http;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.fixtures.ProjectRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Every attack in the threat model names a test, and every test that it names is there. */
class ThreatModelTest {
    private static final Pattern NAMED = Pattern.compile("`(\\w+Test)\\.(\\w+)` \\|$");

    @Test
    void everyAttackIsTriedByATestThatExists() throws IOException {
        Path root = ProjectRoot.path();
        Map<String, String> tests = new HashMap<>();
        for (String module : List.of("activations-store", "sae-train", "server", "ui", "tests/e2e")) {
            try (Stream<Path> all = Files.walk(root.resolve(module).resolve("src/test/java"))) {
                for (Path p :
                        all.filter(f -> f.toString().endsWith("Test.java")).toList()) {
                    tests.put(String.valueOf(p.getFileName()).replace(".java", ""), Files.readString(p));
                }
            }
        }
        List<String> missing = new ArrayList<>();
        int rows = 0;
        for (String line : Files.readAllLines(root.resolve("server/docs/threat-model.md"))) {
            if (!line.startsWith("| ") || line.startsWith("| attack |")) {
                continue;
            }
            rows++;
            Matcher m = NAMED.matcher(line.strip());
            if (!m.find()
                    || !Pattern.compile(
                                    "@(?:Test|ParameterizedTest)\\b[^;{}]*?(?:\\{[^;]*?}[^;{}]*?)?\\bvoid " + m.group(2)
                                            + "\\(",
                                    Pattern.DOTALL)
                            .matcher(tests.getOrDefault(m.group(1), ""))
                            .find()) {
                missing.add(line);
            }
        }
        assertThat(missing).isEmpty();
        assertThat(rows).isGreaterThan(30);
    }
}
