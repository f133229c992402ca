package dev.loupe.dist;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.fixtures.ProjectRoot;
import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The archive of what was just built, unpacked for somebody who has a JDK and nothing else: an empty home, no variables, no
 * Maven, and where the system allows it no network.
 */
class FreshMachineTest {
    @TempDir
    static Path machine;

    private static Path loupe;
    private static Path repository;
    private static List<String> walls;

    private record Outcome(int code, String out, String err) {}

    @BeforeAll
    static void unpack() throws Exception {
        List<Path> classPath = Arrays.stream(Files.readString(ProjectRoot.resolve("tests/dist/target/classpath"))
                        .strip()
                        .split(File.pathSeparator))
                .map(Path::of)
                .toList();
        assertThat(classPath)
                .as("the product is packaged first: run the tests with verify")
                .allMatch(Files::isRegularFile);
        Path torch = classPath.stream()
                .filter(p -> p.getFileName().toString().startsWith("pytorch-native"))
                .findFirst()
                .orElseThrow();
        repository = torch;
        for (int i = 0; i < 6; i++) { // ai/djl/pytorch/NAME/VERSION/FILE
            repository = repository.getParent();
        }
        Release release = new Release(
                ProjectRoot.path(), classPath, Bom.read(ProjectRoot.resolve("tests/dist/target/bom.json")), "1", "");
        Path archive = machine.resolve("loupe.tar.gz");
        try (OutputStream out = Files.newOutputStream(archive)) {
            release.files().write(out, release.name(), 1_700_000_000);
        }
        Files.createDirectories(machine.resolve("home"));
        walls = List.of();
        assertThat(run(Map.of(), List.of("tar", "xzf", archive.toString(), "-C", machine.toString()))
                        .code())
                .isZero();
        Files.delete(archive);
        loupe = machine.resolve("loupe-1/loupe");
        List<String> unshare = List.of("unshare", "--user", "--map-root-user", "--net");
        if (works(unshare)) {
            walls = unshare;
        }
    }

    @Test
    void helpVersionDoctorAndAModelWorkAndTheLibraryIsFetchedOnce() throws Exception {
        assertThat(loupe("--help").out()).contains("Usage: loupe", "doctor");
        assertThat(loupe("--version").out()).startsWith("loupe ");
        Outcome nowhere = run(
                Map.of("LOUPE_MAVEN_URL", machine.resolve("nothing").toUri().toString()),
                List.of(loupe.toString(), "model", "list"));
        assertThat(nowhere.code()).isEqualTo(1);
        assertThat(nowhere.err()).contains("could not be fetched", "LOUPE_MAVEN_URL");
        Outcome first = loupe("doctor");
        assertThat(first.err()).contains("First start on this machine: fetching PyTorch's library");
        assertThat(first.out()).contains("embedded model", "All is well.");
        Outcome patched = loupe(
                "patch",
                "--model",
                "builtin",
                "--method",
                "relp",
                "--sites",
                "resid_post",
                "--json",
                "--clean",
                "I would like to thank the rapporteur. I",
                "--corrupt",
                "We would like to thank the rapporteur. We",
                "--answer",
                " am",
                "--wrong",
                " are");
        assertThat(patched.err()).doesNotContain("fetching");
        assertThat(patched.code()).as(patched.err()).isZero();
        assertThat(patched.out()).contains("\"clean_difference\"");
    }

    /** The demo in small, a process for each step of it. */
    @Test
    void capturesTrainsEvaluatesIndexesAndComparesOnAMachineWithNothing() throws Exception {
        done("capture --model builtin --text builtin:europarl --hook blocks.3.hook_resid_post --tokens 6000 --name s");
        done("train --store s --arch topk --d-sae 64 --k 8 --seeds 0,1 --steps 30 --set batch=256 --name t");
        assertThat(done("eval t-s0 --no-random-control --json")).contains("\"fvu\"", "\"delta_ce\"");
        done("index t-s0");
        assertThat(done("compare t-s0 t-s1 --json")).contains("shared");
        assertThat(machine.resolve("home/ws/features/t-s0")).isDirectory();
    }

    private static String done(String command) throws Exception {
        List<String> arguments = new ArrayList<>(List.of(command.split(" ")));
        arguments.addAll(List.of("--workspace", machine.resolve("home/ws").toString()));
        Outcome outcome = loupe(arguments.toArray(String[]::new));
        assertThat(outcome.code()).as(command + "\n" + outcome.err()).isZero();
        return outcome.out();
    }

    private static Outcome loupe(String... arguments) throws Exception {
        List<String> command = new ArrayList<>(walls);
        command.add(loupe.toString());
        command.addAll(List.of(arguments));
        return run(Map.of("LOUPE_MAVEN_URL", repository.toUri().toString()), command);
    }

    private static boolean works(List<String> walls) throws Exception {
        List<String> command = new ArrayList<>(walls);
        command.add("true");
        try {
            return run(Map.of(), command).code() == 0;
        } catch (IOException e) {
            return false; // no such program: the rest of the test holds without it
        }
    }

    private static Outcome run(Map<String, String> more, List<String> command)
            throws IOException, InterruptedException {
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().clear();
        builder.environment()
                .putAll(Map.of(
                        "PATH",
                        "/usr/bin:/bin:/usr/sbin:/sbin",
                        "HOME",
                        machine.resolve("home").toString(),
                        "JAVA_HOME",
                        System.getProperty("java.home"),
                        "LOUPE_NO_AOT",
                        "1"));
        builder.environment().putAll(more);
        builder.directory(machine.toFile());
        Path out = Files.createTempFile(machine, "out", "");
        Path err = Files.createTempFile(machine, "err", "");
        Process process =
                builder.redirectOutput(out.toFile()).redirectError(err.toFile()).start();
        process.getOutputStream().close();
        assertThat(process.waitFor(5, TimeUnit.MINUTES)).isTrue();
        return new Outcome(process.exitValue(), Files.readString(out), Files.readString(err));
    }
}
