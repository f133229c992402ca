package dev.loupe.dist;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.fixtures.ProjectRoot;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The script behind {@code ./loupe dist}, with a Maven that does nothing and a packer that writes one line. */
class DistScriptTest {
    /** What the launcher gives the script; the list of sources in place of git's. */
    private static final String LAUNCHER = """
            say() { printf '%s\\n' "$*"; }
            fail() { say "$*"; exit 1; }
            lock_build() { :; }
            unlock_build() { :; }
            class_path() { :; }
            maven() { :; }
            git() { printf 'pom.xml\\0source\\0'; }
            . "$script"
            run_dist "$@"
            """;

    @TempDir
    Path folder;

    private record Outcome(int code, String said) {}

    @BeforeEach
    void a_checkout_and_a_packer() throws Exception {
        Path root = Files.createDirectories(folder.resolve("a checkout"));
        Files.writeString(root.resolve("pom.xml"), """
                  <version>1</version>
                    <project.build.outputTimestamp>2026-01-02T03:04:05Z</project.build.outputTimestamp>
                """);
        Files.writeString(root.resolve("source"), "the source\n");
        Path java = Files.createDirectories(folder.resolve("jdk/bin")).resolve("java");
        Files.writeString(java, """
                #!/bin/sh
                while [ $# -gt 0 ]; do
                    case $1 in
                        --root) root=$2; shift ;;
                        --out) [ -z "$out" ] || { echo "--out comes twice"; exit 2; }; out=$2; shift ;;
                        --natives) natives=-$2; shift ;;
                    esac
                    shift
                done
                mkdir -p "$out"
                { cat "$root/source"; [ -z "$PLACE_MATTERS" ] || echo "$root"; } > "$out/loupe-1$natives.tar.gz"
                """);
        Files.setPosixFilePermissions(java, PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    @Test
    void theSecondBuildIsComparedWithTheFirstWhereverThatWent() throws Exception {
        for (List<String> out : List.of(List.of("--out", "there"), List.of("--out=there"), List.<String>of())) {
            List<String> arguments = new ArrayList<>(List.of("--twice"));
            arguments.addAll(out);
            Outcome outcome = dist("", arguments);
            assertThat(outcome.said()).contains("Two builds, the same bytes: loupe-1.tar.gz");
            assertThat(outcome.code()).isZero();
            assertThat(folder.resolve(out.isEmpty() ? "a checkout/target" : "there")
                            .resolve("loupe-1.tar.gz"))
                    .hasContent("the source\n");
            assertThat(folder.resolve("a checkout/target/second")).doesNotExist();
        }
        assertThat(dist("", List.of("--natives", "osx-aarch64", "--twice", "--out", "there"))
                        .said())
                .contains("the same bytes: loupe-1-osx-aarch64.tar.gz");
    }

    @Test
    void buildsThatDifferAreAFailure() throws Exception {
        Outcome outcome = dist("yes", List.of("--out", "there", "--twice"));
        assertThat(outcome.said()).contains("Two builds of the same sources differ", "there/loupe-1.tar.gz");
        assertThat(outcome.code()).isEqualTo(1);
    }

    @Test
    void oneBuildIsNotCompared() throws Exception {
        assertThat(dist("yes", List.of("--out", "there")).code()).isZero();
        assertThat(dist("", List.of("--out"))).isEqualTo(new Outcome(1, "--out wants a folder.\n"));
    }

    private Outcome dist(String placeMatters, List<String> arguments) throws Exception {
        List<String> command = new ArrayList<>(List.of("/bin/bash", "-c", LAUNCHER, "dist"));
        command.addAll(arguments);
        ProcessBuilder builder = new ProcessBuilder(command).directory(folder.toFile());
        builder.environment()
                .put("script", ProjectRoot.resolve("tests/dist/run-dist.sh").toString());
        builder.environment().put("root", folder.resolve("a checkout").toString());
        builder.environment().put("jdk", folder.resolve("jdk").toString());
        builder.environment().put("PLACE_MATTERS", placeMatters);
        Process process = builder.redirectErrorStream(true).start();
        process.getOutputStream().close();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        return new Outcome(process.waitFor(), said);
    }
}
