package dev.loupe.dist;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The JDK's ahead-of-time caches of an unpacked release: the first command has them made, each of the two kinds of start then
 * uses its own, and what Java reads with it is no other program.
 */
class AotCacheTest {
    /** Far more than the making takes, on any machine: a bound for a test that would else never end. */
    private static final Duration PATIENCE = Duration.ofMinutes(20);

    @TempDir
    static Path machine;

    private static Path loupe;
    private static Path caches;

    private record Outcome(int code, String out, String err) {}

    @BeforeAll
    static void unpack() throws Exception {
        loupe = UnpackedRelease.into(machine);
        caches = machine.resolve("loupe-1/cache/aot");
        Path library = UnpackedRelease.nativeLibrary();
        Files.createSymbolicLink(machine.resolve("loupe-1/lib/" + library.getFileName()), library);
    }

    @Test
    void aLightStartMakesItsCacheAndUsesIt() throws Exception {
        String first = run("--help").out();
        Path cache = made("light");
        assertThat(called("--help")).contains("-XX:AOTCache=" + cache);
        Outcome second = run("--help");
        assertThat(second.out()).isEqualTo(first);
        assertThat(second.err()).isEmpty();
        assertUsed(cache, "--help");
    }

    @Test
    void aFullStartMakesItsCacheAndUsesIt() throws Exception {
        Outcome first = run("model", "list", "--json");
        assertThat(first.code()).as(first.err()).isZero();
        Path cache = made("full");
        assertThat(called("model", "list")).contains("-XX:AOTCache=" + cache);
        assertThat(run("model", "list", "--json").out()).isEqualTo(first.out());
        assertUsed(cache, "model", "list", "--json");
        assertThat(caches.resolve("workspace")).as("of the rehearsal").doesNotExist();
    }

    /** Java itself refuses a cache that does not fit, and says why, if it must have one. */
    private static void assertUsed(Path cache, String... arguments) throws Exception {
        Outcome outcome = start(Path.of(System.getProperty("java.home")), "-XX:AOTMode=on", arguments);
        assertThat(outcome.code())
                .as(cache + "\n" + outcome.out() + outcome.err())
                .isZero();
    }

    private static Path made(String kind) throws Exception {
        long end = System.nanoTime() + PATIENCE.toNanos();
        while (System.nanoTime() < end) {
            Optional<Path> cache = find(kind + "-", ".aot");
            if (cache.isPresent() && find("", ".config").isEmpty()) {
                return cache.get();
            }
            Thread.sleep(100);
        }
        throw new AssertionError("no " + kind + " cache within " + PATIENCE + "; there is " + find("", ""));
    }

    private static Optional<Path> find(String begin, String end) throws IOException {
        if (!Files.isDirectory(caches)) {
            return Optional.empty();
        }
        try (Stream<Path> files = Files.list(caches)) {
            return files.filter(f -> f.getFileName().toString().startsWith(begin)
                            && f.getFileName().toString().endsWith(end))
                    .findFirst();
        }
    }

    /** The arguments that Java gets. */
    private static List<String> called(String... arguments) throws Exception {
        Path jdk = machine.resolve("jdk");
        if (Files.notExists(jdk)) {
            Path real = Path.of(System.getProperty("java.home"));
            Files.createDirectories(jdk.resolve("bin"));
            Files.createSymbolicLink(jdk.resolve("release"), real.resolve("release"));
            Files.createSymbolicLink(jdk.resolve("bin/javac"), real.resolve("bin/javac"));
            Path java = jdk.resolve("bin/java");
            Files.writeString(java, "#!/bin/sh\nprintf '%s\\n' \"$@\"\n");
            Files.setPosixFilePermissions(java, PosixFilePermissions.fromString("rwxr-xr-x"));
        }
        return start(jdk, "", arguments).out().lines().toList();
    }

    private static Outcome run(String... arguments) throws Exception {
        return start(Path.of(System.getProperty("java.home")), "", arguments);
    }

    private static Outcome start(Path jdk, String flags, String... arguments) throws Exception {
        String[] command = new String[arguments.length + 1];
        command[0] = loupe.toString();
        System.arraycopy(arguments, 0, command, 1, arguments.length);
        ProcessBuilder builder = new ProcessBuilder(command).directory(machine.toFile());
        builder.environment().remove("LOUPE_NO_AOT");
        builder.environment().remove("LOUPE_RELEASE_CACHE");
        builder.environment().put("LOUPE_JAVA_OPTS", flags);
        builder.environment().put("LOUPE_JAVA_HOME", jdk.toString());
        builder.environment()
                .put("LOUPE_WORKSPACE", machine.resolve("workspace").toString());
        Path out = Files.createTempFile(machine, "out", "");
        Path err = Files.createTempFile(machine, "err", "");
        Process process =
                builder.redirectOutput(out.toFile()).redirectError(err.toFile()).start();
        process.getOutputStream().close();
        assertThat(process.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
        return new Outcome(
                process.exitValue(),
                Files.readString(out, StandardCharsets.UTF_8),
                Files.readString(err, StandardCharsets.UTF_8));
    }
}
