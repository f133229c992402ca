package dev.loupe.http;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import dev.loupe.cli.Cli;
import dev.loupe.cli.SmallWorkspace;
import dev.loupe.service.Job;
import dev.loupe.service.JobState;
import dev.loupe.service.Settings;
import dev.loupe.service.Workbench;
import dev.loupe.service.Workspace;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Jobs whose server is killed, so that it can tell nobody anything. */
class OrphanedJobTest {
    private static final String ENDLESS = """
            {"kind": "train", "request": {"name": "endless", "store": "small", "arch": "topk", "d_sae": 64, "k": 4,
             "steps": 10000000, "set": {"batch": 64}}}""";

    @TempDir
    Path folder;

    @Test
    void theJobOfAKilledServerStopsAndSaysWhy() throws Exception {
        HostileRequests.copy(SmallWorkspace.folder().resolve("activations"), folder.resolve("loupe/activations"));
        Path log = folder.resolve("log");
        Process server = new Cli(folder.resolve("loupe")).start(log, "serve", "--port", "0");
        try (Workbench bench =
                        new Workbench(Workspace.create(folder.resolve("loupe")), Settings.load(Map.of(), Map.of()));
                HttpClient client = HttpClient.newHttpClient()) {
            await(() -> lines(log).contains("http://"));
            String url = lines(log)
                    .lines()
                    .filter(l -> l.startsWith("http://"))
                    .findFirst()
                    .orElseThrow();
            HttpResponse<String> started = client.send(
                    HttpRequest.newBuilder(URI.create(url + "/api/jobs"))
                            .POST(HttpRequest.BodyPublishers.ofString(ENDLESS))
                            .build(),
                    HttpResponse.BodyHandlers.ofString());
            assertThat(started.statusCode()).as(started.body()).isEqualTo(202);
            String id = Json.MAPPER.readTree(started.body()).path("id").asString();
            await(() -> bench.jobs().get(id).done() > 0);
            ProcessHandle child = ProcessHandle.of(
                            Json.tree(folder.resolve("loupe/jobs").resolve(id).resolve("owner.json"))
                                    .path("pid")
                                    .asLong())
                    .orElseThrow();
            server.destroyForcibly().waitFor();
            child.onExit().get(90, TimeUnit.SECONDS);
            Job job = bench.jobs().get(id);
            assertThat(job.state()).isEqualTo(JobState.FAILED);
            assertThat(job.text())
                    .contains("The server that started this job has ended")
                    .endsWith(".");
            assertThat(bench.saes().names()).doesNotContain("endless");
        } finally {
            server.destroyForcibly();
        }
    }

    private static String lines(Path log) {
        try {
            return Files.readString(log);
        } catch (java.io.IOException e) {
            throw new LoupeException("no log", e);
        }
    }

    private static void await(BooleanSupplier condition) throws InterruptedException {
        long end = System.nanoTime() + Duration.ofSeconds(90).toNanos();
        while (!condition.getAsBoolean()) {
            assertThat(System.nanoTime()).as("patience").isLessThan(end);
            Thread.sleep(50);
        }
    }
}
