package dev.loupe.bench;

import dev.loupe.base.LoupeException;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * How long a start takes, with and without the JDK's ahead-of-time cache: {@code --help} to its end, {@code serve} to the
 * first page, in seconds. Of the launcher of the checkout, or of a release: {@code LOUPE_LAUNCHER=.../loupe}.
 */
final class StartBench implements Benchmark {
    private static final String WITH = ", with the cache";
    private static final String WITHOUT = ", without";

    private final Map<String, List<Double>> seconds = new LinkedHashMap<>();
    private final HttpClient http =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private final Path launcher;
    private @Nullable Path workspace;

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
        // the first starts make the caches, in the background
        help(true);
        serve(true);
        long patience = System.nanoTime() + TimeUnit.MINUTES.toNanos(3);
        double before = help(false);
        for (int i = 0; i < 60 && help(true) > 0.8 * before && System.nanoTime() < patience; i++) {
            Thread.sleep(2000);
        }
        Thread.sleep(10_000); // the server's cache is rehearsed for longer than the help's
    }

    @Override
    public Measured run() throws Exception {
        double help = help(true);
        note("s help" + WITH, help);
        note("s help" + WITHOUT, help(false));
        note("s serve" + WITH, serve(true));
        note("s serve" + WITHOUT, serve(false));
        return new Measured(1, help, 1);
    }

    @Override
    public Map<String, List<Double>> beside() {
        return seconds;
    }

    @Override
    public void close() {
        http.close();
    }

    private void note(String what, double value) {
        seconds.computeIfAbsent(what, w -> new ArrayList<>()).add(value);
    }

    private double help(boolean cache) throws Exception {
        long start = System.nanoTime();
        Process process = start(cache, "--help");
        process.getInputStream().readAllBytes();
        if (process.waitFor() != 0) {
            throw new LoupeException("The launcher " + launcher + " did not show its help.");
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
            process.destroy();
            process.waitFor();
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
        return builder.start();
    }
}
