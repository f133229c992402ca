package dev.loupe.bench;

import dev.loupe.base.LoupeException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * How long a start takes, with and without the JDK's ahead-of-time cache: {@code --help} to its end, {@code serve} to the
 * first page, in seconds. Of the launcher of the checkout, or of a release: {@code LOUPE_LAUNCHER=.../loupe}. The first
 * starts make the caches, in the background; the rounds begin when both are there.
 */
final class StartBench implements Benchmark {
    private static final String WITH = ", with the cache";
    private static final String WITHOUT = ", without";

    private static final Duration PATIENCE = Duration.ofSeconds(100);

    private final Beside seconds = new Beside();
    private final HttpClient http =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private final Path launcher;
    private @Nullable Path workspace;
    private volatile @Nullable Process running;

    StartBench() {
        String told = System.getenv("LOUPE_LAUNCHER");
        launcher = told == null ? Path.of(System.getProperty("loupe.root", "."), "loupe") : Path.of(told);
    }

    @Override
    public String name() {
        return "start";
    }

    @Override
    public String setting() {
        return launcher.getFileName()
                + " --help to its end, and serve on an empty workspace to the first page, each with"
                + " and without the ahead-of-time cache; seconds stand beside";
    }

    @Override
    public String unit() {
        return "helps/s with the cache";
    }

    @Override
    public double tolerance() {
        return 0;
    }

    @Override
    public boolean hasPeer() {
        return false;
    }

    @Override
    public void prepare(Path folder) throws Exception {
        workspace = Files.createDirectories(folder.resolve("workspace"));
        // an interrupted benchmark leaves no server behind
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            Process left = running;
            if (left != null) {
                left.descendants().forEach(ProcessHandle::destroyForcibly);
                left.destroyForcibly();
            }
        }));
        help(true);
        serve(true);
        long patience = System.nanoTime() + PATIENCE.toNanos();
        for (String kind : List.of("light", "full")) {
            while (!made(kind)) {
                if (System.nanoTime() > patience) {
                    throw new LoupeException(
                            "The ahead-of-time cache \"" + kind + "\" of " + launcher + " did not come within "
                                    + PATIENCE.toSeconds() + " s; folders looked at: " + caches()
                                    + ". After a failure it is tried again only after the next build: remove " + kind
                                    + ".tried there to try at once.");
                }
                Thread.sleep(500);
            }
        }
        Thread.sleep(2000); // the one who made it ends
    }

    /** Whether the launcher has a cache of a kind, {@code KIND-JDKVERSION.aot}, that is younger than what was built. */
    private boolean made(String kind) throws IOException {
        Path packed = root().resolve("lib/classpath");
        FileTime built = Files.getLastModifiedTime(Files.exists(packed) ? packed : root().resolve("ui/target/built"));
        for (Path folder : caches()) {
            try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, kind + "-*.aot")) {
                for (Path file : files) {
                    if (Files.getLastModifiedTime(file).compareTo(built) > 0) {
                        return true;
                    }
                }
            }
        }
        return false;
    }

    private Path root() {
        return Objects.requireNonNull(launcher.toAbsolutePath().normalize().getParent());
    }

    /** Where the launcher puts caches: of a checkout, of a release, of a release that cannot be written. */
    private List<Path> caches() {
        String told = System.getenv("XDG_CACHE_HOME");
        Path home = told == null || told.isEmpty() ? Path.of(System.getProperty("user.home"), ".cache") : Path.of(told);
        return Stream.of(
                        root().resolve("ui/target/aot"),
                        root().resolve("cache/aot"),
                        home.resolve("loupe" + root().toString().replace('/', '_'))
                                .resolve("aot"))
                .filter(Files::isDirectory)
                .toList();
    }

    @Override
    public Measured run() throws Exception {
        double help = help(true);
        seconds.add("s help" + WITH, help);
        seconds.add("s help" + WITHOUT, help(false));
        seconds.add("s serve" + WITH, serve(true));
        seconds.add("s serve" + WITHOUT, serve(false));
        return new Measured(1, help, 1);
    }

    @Override
    public Map<String, List<Double>> beside() {
        return seconds.all();
    }

    @Override
    public void close() {
        http.close();
    }

    private double help(boolean cache) throws Exception {
        long start = System.nanoTime();
        Process process = start(cache, "--help");
        try {
            process.getInputStream().readAllBytes();
            if (process.waitFor() != 0) {
                throw new LoupeException("The launcher " + launcher + " did not show its help.");
            }
        } finally {
            end(process);
        }
        return (System.nanoTime() - start) / 1e9;
    }

    private double serve(boolean cache) throws Exception {
        long start = System.nanoTime();
        Process process = start(
                cache,
                "serve",
                "--port",
                "0",
                "--workspace",
                Objects.requireNonNull(workspace).toString());
        try (BufferedReader out =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
            String url = out.readLine();
            if (url == null) {
                throw new LoupeException("The server of " + launcher + " ended before it said where it is.");
            }
            HttpResponse<String> page = http.send(
                    HttpRequest.newBuilder(URI.create(url + "/")).build(), HttpResponse.BodyHandlers.ofString());
            double took = (System.nanoTime() - start) / 1e9;
            if (page.statusCode() != 200 || !page.body().contains("<script")) {
                throw new LoupeException("The server answered " + page.statusCode() + " instead of its page.");
            }
            return took;
        } finally {
            end(process);
        }
    }

    private Process start(boolean cache, String... arguments) throws Exception {
        List<String> command = new ArrayList<>(List.of(launcher.toString()));
        command.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD);
        builder.environment().remove("LOUPE_NO_AOT");
        if (!cache) {
            builder.environment().put("LOUPE_NO_AOT", "1");
        }
        Process process = builder.start();
        running = process;
        return process;
    }

    /** Ends a start and whatever it has started. */
    private static void end(Process process) throws InterruptedException {
        process.destroy();
        if (!process.waitFor(10, TimeUnit.SECONDS)) {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly().waitFor();
        }
    }
}
