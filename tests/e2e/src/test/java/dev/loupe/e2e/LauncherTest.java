package dev.loupe.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.fixtures.ProjectRoot;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The launcher script in a folder of its own, with JDKs and programs that only say how they were called. */
class LauncherTest {
    @TempDir
    Path folder;

    private Path home;
    private Path jdk;

    private record Outcome(int code, String out, String err) {}

    @BeforeEach
    void an_installed_loupe_and_a_jdk() throws IOException {
        home = Files.createDirectories(folder.resolve("an install"));
        Files.createDirectories(home.resolve("ui/target"));
        Files.createDirectories(home.resolve("tests/python"));
        for (String file :
                List.of("loupe", ".jvmopts", "tests/run-tests.sh", "tests/python/requirements-interop.txt")) {
            Files.copy(ProjectRoot.resolve(file), home.resolve(file));
        }
        Files.writeString(home.resolve("ui/target/classpath"), "lib/b.jar:lib/a.jar");
        Files.writeString(home.resolve("ui/target/loupe-ui-1.jar"), "");
        jdk = jdk("25.0.3");
    }

    @Test
    void starts_main_with_all_arguments_and_the_class_path_in_maven_s_order() throws Exception {
        Outcome outcome = loupe("steer", "--greedy", "two words", "");
        String lib = home + "/ui/target";
        assertThat(outcome.out())
                .contains("[-cp]\n[" + lib + "/loupe-ui-1.jar:" + lib + "/lib/b.jar:" + lib + "/lib/a.jar]\n")
                .endsWith("[dev.loupe.cli.Main]\n[steer]\n[--greedy]\n[two words]\n[]\n");
        assertThat(outcome.code()).as("the program's own exit code").isEqualTo(7);
    }

    @Test
    void every_flag_comes_from_the_one_file_and_the_user_has_the_last_word() throws Exception {
        Outcome outcome = loupe(Map.of("LOUPE_JAVA_OPTS", "-Xmx8g -Dx=y"), "serve");
        for (String flag : Files.readAllLines(home.resolve(".jvmopts"))) {
            if (!flag.startsWith("#")) {
                assertThat(outcome.out()).contains("[" + flag + "]\n");
            }
        }
        assertThat(outcome.out()).contains("[-Xmx8g]\n[-Dx=y]\n[-cp]");
        assertThat(outcome.out().indexOf("[-Xmx8g]"))
                .isGreaterThan(outcome.out().indexOf("[-Xmx1500m]"));
    }

    @Test
    void the_warning_about_the_incubator_module_is_dropped_and_nothing_else() throws Exception {
        assertThat(loupe("serve").err()).isEqualTo("first line\rsecond line\nend without line end");
        assertThat(loupe("--help").out()).doesNotContain("incubator");
        assertThat(loupe("train", "--help").out()).doesNotContain("incubator");
    }

    @ParameterizedTest
    @CsvSource({
        "25.0.3, true",
        "25.0.4, true",
        "25.0.10, true",
        "25.0.12.1, true",
        "25.1, true",
        "25, false",
        "25.0.1, false",
        "25.0.2, false",
        "17.0.15, false",
        "26, false",
        "250.0.3, false",
        "2.25.0.3, false"
    })
    void accepts_jdk_25_0_3_or_a_later_25(String version, boolean fits) throws Exception {
        Outcome outcome = loupe(Map.of("LOUPE_JAVA_HOME", jdk(version).toString()), "doctor");
        if (fits) {
            assertThat(outcome.out()).contains("dev.loupe.cli.Main");
        } else {
            assertThat(outcome.code()).isEqualTo(1);
            assertThat(outcome.out()).isEmpty();
            assertThat(outcome.err()).contains("25.0.3 or a later 25").hasLineCount(1);
        }
    }

    @Test
    void takes_java_home_when_it_fits_and_looks_further_when_it_does_not() throws Exception {
        Map<String, String> old =
                Map.of("LOUPE_JAVA_HOME", "", "JAVA_HOME", jdk("21.0.2").toString());
        assertThat(loupe(old, "doctor").out()).doesNotContain("jdk 21.0.2");
        Map<String, String> fitting =
                Map.of("LOUPE_JAVA_HOME", "", "JAVA_HOME", jdk("25.0.9").toString());
        assertThat(loupe(fitting, "doctor").out()).contains("jdk 25.0.9");
    }

    @Test
    void is_found_through_a_link_from_another_folder() throws Exception {
        Path link = Files.createSymbolicLink(folder.resolve("link"), home.resolve("loupe"));
        Outcome outcome = run(Map.of("LOUPE_JAVA_HOME", jdk.toString()), link.toString(), "doctor");
        assertThat(outcome.out()).contains(home + "/ui/target/loupe-ui-1.jar");
    }

    @Test
    void without_chromium_the_tests_install_it_and_say_so() throws Exception {
        Path programs = programsWithoutBrowser();
        program(programs.resolve("apt-get"), """
                echo "apt-get $*" >> '%1$s/calls'
                [ "$1" = update ] || { printf '#!/bin/sh\\necho Chromium 1\\n' > '%2$s/chromium'; chmod +x '%2$s/chromium'; }
                """.formatted(folder, programs));
        Outcome outcome = loupe(withoutBrowser(programs), "test");
        assertThat(outcome.err()).contains("installing the package chromium with apt-get");
        assertThat(folder.resolve("calls")).content().isEqualTo("""
                apt-get update
                apt-get install -y --no-install-recommends chromium
                """);
        assertThat(folder.resolve("maven calls"))
                .content()
                .contains("verify -Dloupe.chromium=" + programs + "/chromium");
    }

    @Test
    void without_chromium_and_any_way_to_get_it_the_run_fails_with_one_sentence() throws Exception {
        Path programs = programsWithoutBrowser();
        program(programs.resolve("apt-get"), "exit 100");
        Outcome outcome = loupe(withoutBrowser(programs), "test");
        assertThat(outcome.code()).isEqualTo(1);
        assertThat(outcome.err())
                .contains("trying Playwright's own download")
                .contains("type 'sudo apt-get install chromium'");
        assertThat(folder.resolve("maven calls")).content().doesNotContain("verify");
    }

    private Map<String, String> withoutBrowser(Path programs) {
        return Map.of(
                "PATH",
                programs.toString(),
                "HOME",
                folder.toString(),
                "CHROMIUM",
                "",
                "LOUPE_JAVA_HOME",
                jdk.toString());
    }

    /** A PATH with everything the scripts use, a Maven that notes its calls, root's id, but no browser and no Python. */
    private Path programsWithoutBrowser() throws IOException {
        Path programs = Files.createDirectories(folder.resolve("programs"));
        for (String name : List.of(
                "bash", "sh", "cat", "mkdir", "rm", "sed", "head", "grep", "dirname", "readlink", "chmod", "env")) {
            Path program = Path.of("/usr/bin", name);
            program(
                    programs.resolve(name),
                    "exec " + (Files.exists(program) ? program : Path.of("/bin", name)) + " \"$@\"");
        }
        program(programs.resolve("id"), "echo 0");
        program(programs.resolve("mvn"), """
                [ "$1" != -v ] || { echo 'Apache Maven 3.9.9'; exit; }
                echo "$*" >> '%s/maven calls'
                case $* in *package*) exit 1 ;; esac
                """.formatted(folder));
        return programs;
    }

    private Path jdk(String version) throws IOException {
        Path jdk = Files.createDirectories(folder.resolve("jdk " + version));
        Files.createDirectories(jdk.resolve("bin"));
        Files.writeString(jdk.resolve("release"), "IMPLEMENTOR=\"x\"\nJAVA_VERSION=\"" + version + "\"\n");
        program(jdk.resolve("bin/javac"), "");
        program(jdk.resolve("bin/java"), """
                echo "$0"
                printf '[%s]\\n' "$@"
                case $* in *add-modules*) echo 'WARNING: Using incubator modules: jdk.incubator.vector' >&2 ;; esac
                printf 'first line\\rsecond line\\nend without line end' >&2
                exit 7
                """);
        return jdk;
    }

    private static void program(Path file, String script) throws IOException {
        Files.writeString(file, "#!/bin/sh\n" + script);
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    private Outcome loupe(String... arguments) throws Exception {
        return loupe(Map.of(), arguments);
    }

    private Outcome loupe(Map<String, String> environment, String... arguments) throws Exception {
        Map<String, String> all = new HashMap<>(Map.of("LOUPE_JAVA_HOME", jdk.toString()));
        all.putAll(environment);
        List<String> command =
                new ArrayList<>(List.of("/bin/bash", home.resolve("loupe").toString()));
        command.addAll(List.of(arguments));
        return run(all, command.toArray(String[]::new));
    }

    private Outcome run(Map<String, String> environment, String... command) throws IOException, InterruptedException {
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().putAll(Map.of("LOUPE_NO_AOT", "1", "LOUPE_JAVA_OPTS", ""));
        builder.environment().putAll(environment);
        Path out = Files.createTempFile(folder, "out", "");
        Process process = builder.redirectOutput(out.toFile()).start();
        process.getOutputStream().close();
        // to the end of the pipe: what passes the filter may arrive after the program has ended
        byte[] errors = process.getErrorStream().readAllBytes();
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        return new Outcome(process.exitValue(), Files.readString(out), new String(errors, StandardCharsets.UTF_8));
    }
}
