package dev.loupe.bench;

import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/**
 * A Python peer as a process that stays: it prepares once, says so, and then makes one run for every line it is sent,
 * answering one line of JSON each.
 */
final class Peer implements AutoCloseable {
    private final Process process;
    private final Writer in;
    private final BufferedReader out;
    private final List<Double> peaks = new ArrayList<>();
    private final List<Double> gpuPeaks = new ArrayList<>();

    private Peer(Process process) {
        this.process = process;
        this.in = process.outputWriter(StandardCharsets.UTF_8);
        this.out = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    }

    /**
     * Starts the peer of a benchmark and waits until it is ready.
     *
     * @param venv the virtual environment it runs in
     * @param script tests/python/bench/peer.py
     */
    static Peer start(Path venv, Path script, String name, Path folder, int threads) throws IOException {
        Path python = venv.resolve("bin/python");
        if (!Files.isExecutable(python)) {
            throw new LoupeException("There is no " + python + "; make a virtual environment there and install "
                    + script.resolveSibling("requirements.txt") + " into it.");
        }
        ProcessBuilder builder = new ProcessBuilder(
                python.toString(), script.toString(), name, folder.toString(), Integer.toString(threads));
        builder.redirectError(ProcessBuilder.Redirect.INHERIT);
        builder.environment().put("OMP_NUM_THREADS", Integer.toString(threads));
        builder.environment().put("HF_HUB_OFFLINE", "1");
        Peer peer = new Peer(builder.start());
        JsonNode ready = peer.read(name);
        if (!ready.path("ready").asBoolean(false)) {
            peer.close();
            throw new LoupeException("The Python peer of " + name + " did not get ready: " + ready);
        }
        return peer;
    }

    /** One run of the peer. */
    Benchmark.Measured run(String name) throws IOException {
        in.write("run\n");
        in.flush();
        JsonNode answer = read(name);
        if (answer.has("peak_bytes")) {
            peaks.add(answer.path("peak_bytes").asDouble() / 1e6);
        }
        if (answer.has("gpu_peak_bytes")) {
            gpuPeaks.add(answer.path("gpu_peak_bytes").asDouble() / 1e6);
        }
        return new Benchmark.Measured(
                answer.path("amount").asDouble(),
                answer.path("seconds").asDouble(),
                answer.path("answer").asDouble());
    }

    /** The peak of its memory at the end of each run, in MB; empty where its system does not say. */
    List<Double> peaks() {
        return List.copyOf(peaks);
    }

    /** The most that it held on the GPU in each run, in MB; empty where it used none. */
    List<Double> gpuPeaks() {
        return List.copyOf(gpuPeaks);
    }

    private JsonNode read(String name) throws IOException {
        @Nullable String line = out.readLine();
        if (line == null) {
            throw new LoupeException("The Python peer of " + name + " ended; what it said stands above.");
        }
        try {
            return Json.MAPPER.readTree(line);
        } catch (JacksonException e) {
            throw new LoupeException("The Python peer of " + name + " said \"" + line + "\" instead of JSON.", e);
        }
    }

    @Override
    public void close() throws IOException {
        try {
            in.close();
        } catch (IOException e) {
            // it is gone already
        }
        try {
            if (!process.waitFor(5, TimeUnit.SECONDS)) {
                process.destroy();
            }
        } catch (InterruptedException e) {
            process.destroy();
            Thread.currentThread().interrupt();
        }
    }
}
