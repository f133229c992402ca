package dev.loupe.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HelpTest {
    @TempDir
    Path folder;

    @Test
    void theHelpNamesEveryCommandAndThoseOfACheckoutAndTouchesNoWorkspace() {
        Cli.Result r = new Cli(folder.resolve("none")).run("--help");
        assertThat(r.code()).isZero();
        assertThat(r.out())
                .contains(
                        "demo",
                        "serve",
                        "model",
                        "capture",
                        "store",
                        "train",
                        "sweep",
                        "eval",
                        "index",
                        "label",
                        "seeds",
                        "compare",
                        "patch",
                        "diagnose",
                        "circuit",
                        "steer",
                        "languages",
                        "import",
                        "export",
                        "doctor",
                        "task",
                        "In a checkout also",
                        "test ",
                        "bench ")
                .contains("0 done, 1 failed, 2 wrong use");
        assertThat(folder.resolve("none")).doesNotExist();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "demo",
                "serve",
                "model list",
                "model hooks",
                "capture",
                "store list",
                "store info",
                "store head",
                "store verify",
                "train",
                "sweep",
                "eval",
                "index",
                "label",
                "seeds",
                "compare",
                "patch",
                "diagnose",
                "circuit",
                "circuit graph",
                "steer",
                "languages",
                "import",
                "export",
                "doctor",
                "task"
            })
    void everyCommandHasHelpWithTheCommonOptions(String command) {
        Cli.Result r = new Cli(folder.resolve("none")).run((command + " --help").split(" "));
        assertThat(r.code()).isZero();
        assertThat(r.out()).contains("Usage: loupe " + command, "--workspace", "--json", "--threads", "--device");
        assertThat(r.err()).isEmpty();
        assertThat(Files.exists(folder.resolve("none"))).isFalse();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "sweep",
                "train",
                "train --store",
                "serve --port x",
                "eval",
                "model",
                "store",
                "--nonsense",
                "compare a",
                "capture --text x --hook y --tokens many --name z"
            })
    void wrongUseExitsWithTwoSaysWhyOnStderrAndPrintsNoResult(String command) {
        Cli.Result r = new Cli(folder.resolve("none")).run(command.split(" "));
        assertThat(r.code()).isEqualTo(2);
        assertThat(r.err()).isNotBlank();
        assertThat(r.out()).isEmpty();
    }

    @Test
    void theVersionIsOneLine() {
        Cli.Result r = new Cli(folder).run("--version");
        assertThat(r.code()).isZero();
        assertThat(r.out().strip().lines()).hasSize(1).allMatch(l -> l.startsWith("loupe "));
    }
}
