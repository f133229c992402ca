package dev.loupe.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.fixtures.ProjectRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What the launcher needs to work on Linux arm64 and on macOS, whose bash is 3.2 and whose tools are BSD's. */
class PortableLauncherTest {
    private static final Map<String, String> NOT_ON_A_MAC = new LinkedHashMap<>();

    static {
        NOT_ON_A_MAC.put("readlink of GNU", "\\breadlink\\s+-|\\brealpath\\b");
        NOT_ON_A_MAC.put("sed -i without a suffix, -r", "\\bsed\\s+(-\\w*[ir]|--)");
        NOT_ON_A_MAC.put("find of GNU", "-quit\\b|-printf\\b|-maxdepth\\s+\\S+\\s+-quit|\\bfind\\s+-");
        NOT_ON_A_MAC.put("stat and date of GNU", "\\bstat\\s+-c|\\bstat\\s+--|\\bdate\\s+(-d|-I|--|\\+\\S*%N)");
        NOT_ON_A_MAC.put("Perl's expressions in grep", "\\bgrep\\s+-\\w*P");
        NOT_ON_A_MAC.put(
                "cp, sort, head, mktemp of GNU", "\\bcp\\s+--|\\bsort\\s+-V|\\bhead\\s+(-n|-c)\\s*-|\\bmktemp\\s+--");
        NOT_ON_A_MAC.put("programs of Linux", "\\b(tac|nproc|timeout|flock|setsid|ldd|sha256sum|numfmt)\\s+[\"$-]");
        NOT_ON_A_MAC.put("arrays by name, references", "\\b(declare|local|typeset)\\s+-\\w*[Angu]");
        NOT_ON_A_MAC.put("reading lines into arrays", "\\b(mapfile|readarray)\\b");
        NOT_ON_A_MAC.put("letters of another case", "\\$\\{\\w+(\\[[^]]*\\])?(,,?|\\^\\^?)[^}]*\\}");
        NOT_ON_A_MAC.put("transformations", "\\$\\{[^}]*@[QEPAaKkUuL]\\}");
        NOT_ON_A_MAC.put("the last of an array", "\\$\\{\\w+\\[-\\d+\\]|\\$\\{\\w+:\\s-\\d+\\}");
        NOT_ON_A_MAC.put("redirections of bash 4", "&>>|\\|&");
        NOT_ON_A_MAC.put("fall-through, coprocesses", ";;?&|\\bcoproc\\b");
        NOT_ON_A_MAC.put(
                "time, tests of bash 4",
                "\\$EPOCH|\\bprintf\\s+(-v\\s+\\S+\\s+)?'?%\\(|\\[\\[?\\s+-v\\s|\\bwait\\s+-n");
    }

    @TempDir
    Path folder;

    private Path release;

    @BeforeEach
    void a_release_that_has_every_library() throws IOException {
        release = Files.createDirectories(folder.resolve("loupe-1"));
        Path lib = Files.createDirectories(release.resolve("lib"));
        Files.copy(ProjectRoot.resolve("loupe"), release.resolve("loupe"));
        Files.copy(ProjectRoot.resolve(".jvmopts"), release.resolve(".jvmopts"));
        Files.writeString(lib.resolve("classpath"), "a.jar\n");
        List<String> natives = new ArrayList<>();
        for (String machine : List.of("linux-x86_64", "linux-aarch64", "osx-aarch64")) {
            natives.add(machine + " ai/djl/torch-" + machine + ".jar 00 1");
            Files.writeString(lib.resolve("torch-" + machine + ".jar"), "");
        }
        Files.write(lib.resolve("natives"), natives);
    }

    @Test
    void scripts_use_nothing_that_the_shell_and_the_tools_of_macos_lack() throws IOException {
        List<Path> scripts = new ArrayList<>(List.of(ProjectRoot.resolve("loupe")));
        for (String place : List.of("tests", "tests/dist")) {
            try (Stream<Path> files = Files.list(ProjectRoot.resolve(place))) {
                files.filter(f -> f.toString().endsWith(".sh")).forEach(scripts::add);
            }
        }
        assertThat(scripts).hasSizeGreaterThan(3);
        for (Path script : scripts) {
            int number = 0;
            for (String line : Files.readAllLines(script)) {
                number++;
                String code = line.strip().startsWith("#") ? "" : line.replaceAll("\\s#\\s.*", "");
                int at = number;
                NOT_ON_A_MAC.forEach((what, pattern) -> assertThat(code)
                        .as("%s line %d: %s", script.getFileName(), at, what)
                        .doesNotContainPattern(Pattern.compile(pattern)));
            }
        }
    }

    @Test
    void every_rule_finds_what_it_is_there_for() {
        for (String bad : List.of(
                "x=$(readlink -f \"$0\")",
                "sed -i s/a/b/ file",
                "find . -newer x -print -quit",
                "stat -c %s file",
                "date +%s%N",
                "grep -oP 'a' file",
                "sort -V",
                "nproc --all; timeout \"$n\" x",
                "local -A names",
                "mapfile -t lines",
                "echo ${name,,}",
                "echo ${name@Q}",
                "echo ${names[-1]}",
                "run &>> log",
                "a) x ;;& b) ;;",
                "printf '%(%s)T'")) {
            assertThat(NOT_ON_A_MAC.values())
                    .as(bad)
                    .anyMatch(p -> Pattern.compile(p).matcher(bad).find());
        }
    }

    @ParameterizedTest
    @CsvSource({
        // system and processor of the JDK, then of the machine, then the library
        "Linux, x86_64, Linux, x86_64, linux-x86_64",
        "Linux, amd64, Linux, x86_64, linux-x86_64",
        "Linux, aarch64, Linux, aarch64, linux-aarch64",
        "Darwin, aarch64, Darwin, arm64, osx-aarch64",
        "Darwin, aarch64, Darwin, x86_64, osx-aarch64", // a translated shell
        "Linux, x86_64, Linux, aarch64, linux-x86_64", // an emulated JDK
        "'', '', Darwin, arm64, osx-aarch64",
        "'', '', Linux, aarch64, linux-aarch64",
        "Darwin, x86_64, Darwin, arm64, ''",
        "Linux, riscv64, Linux, riscv64, ''",
        "Linux, x86_64-musl, Linux, x86_64, ''", // Alpine's
        "Linux, aarch64-musl, Linux, aarch64, ''"
    })
    void the_library_is_the_one_for_the_jdk(
            String system, String processor, String machineSystem, String machineProcessor, String library)
            throws Exception {
        Path jdk = jdk("jdk", system, processor);
        String said = loupe(Map.of("LOUPE_JAVA_HOME", jdk.toString()), machineSystem, machineProcessor);
        if (library.isEmpty()) {
            assertThat(said).contains("no PyTorch library for " + system + " " + processor, "arm64", jdk.toString());
        } else {
            assertThat(said).contains(release + "/lib/a.jar:" + release + "/lib/torch-" + library + ".jar]");
        }
    }

    @Test
    void what_is_done_with_the_sources_is_told_to_need_them() throws Exception {
        Path jdk = jdk("jdk", "Linux", "x86_64");
        for (String command : List.of("test", "bench", "dist")) {
            assertThat(loupe(command, Map.of("LOUPE_JAVA_HOME", jdk.toString()), "Linux", "x86_64"))
                    .contains("\"loupe " + command + "\" is about the sources", "this is a release")
                    .doesNotContain("[");
        }
    }

    @Test
    void on_a_mac_a_jdk_for_arm64_goes_before_a_translated_one() throws Exception {
        Path translated = jdk("old", "Darwin", "x86_64");
        Path own = jdk("own", "Darwin", "aarch64");
        Map<String, String> both =
                Map.of("LOUPE_JAVA_HOME", "", "JAVA_HOME", translated.toString(), "JDK_25_X", own.toString());
        assertThat(loupe(both, "Darwin", "arm64")).contains("own/bin/java", "torch-osx-aarch64.jar");
    }

    private Path jdk(String name, String system, String processor) throws IOException {
        Path jdk = folder.resolve(name);
        Files.createDirectories(jdk.resolve("bin"));
        boolean musl = processor.endsWith("-musl");
        String kind = system.isEmpty()
                ? ""
                : "OS_ARCH=\"" + processor.replace("-musl", "") + "\"\nOS_NAME=\"" + system + "\"\nLIBC=\""
                        + (musl ? "musl" : "gnu") + "\"\n";
        Files.writeString(jdk.resolve("release"), "JAVA_VERSION=\"25.0.4\"\n" + kind);
        program(jdk.resolve("bin/javac"), "");
        program(jdk.resolve("bin/java"), "echo \"$0\"; printf '[%s]\\n' \"$@\"");
        return jdk;
    }

    /** What the launcher prints for {@code doctor} on such a machine. */
    private String loupe(Map<String, String> environment, String system, String processor) throws Exception {
        return loupe("doctor", environment, system, processor);
    }

    private String loupe(String command, Map<String, String> environment, String system, String processor)
            throws Exception {
        Path programs = Files.createDirectories(folder.resolve("programs"));
        program(
                programs.resolve("uname"),
                "case $1 in -s) echo %s ;; -m) echo %s ;; esac".formatted(system, processor));
        ProcessBuilder builder =
                new ProcessBuilder("/bin/bash", release.resolve("loupe").toString(), command);
        builder.environment().putAll(Map.of("LOUPE_NO_AOT", "1", "LOUPE_JAVA_OPTS", ""));
        builder.environment().putAll(environment);
        builder.environment().merge("PATH", programs.toString(), (path, first) -> first + ":" + path);
        Process process = builder.redirectErrorStream(true).start();
        process.getOutputStream().close();
        return new String(process.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
    }

    private static void program(Path file, String script) throws IOException {
        Files.writeString(file, "#!/bin/sh\n" + script + "\n");
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
    }
}
