package dev.loupe.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.base.Json;
import dev.loupe.cli.Cli;
import dev.loupe.cli.SmallWorkspace;
import dev.loupe.http.LoupeServer;
import dev.loupe.service.Settings;
import dev.loupe.service.Workbench;
import dev.loupe.service.Workspace;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** Jobs that are asked for over HTTP of a server whose workspace names a cluster: a real one, of a master and two workers. */
@Tag("cluster")
class ServerJobsTest {
    private static final int TOKENS = 12_000;
    private static final long PATIENCE_MILLIS = 400_000; // daemons start slowly on a busy machine

    @TempDir
    static Path folder;

    private static SmallCluster cluster;
    private static Path text;
    private static Path workspace;
    private static Workbench bench;
    private static LoupeServer server;
    private static final HttpClient CLIENT = HttpClient.newHttpClient();

    @BeforeAll
    static void start() throws Exception {
        text = Work.text(folder);
        cluster = SmallCluster.start(folder.resolve("cluster"), 2);
        workspace = Workspace.create(folder.resolve("far")).root();
        Files.writeString(
                workspace.resolve("loupe.yaml"),
                "on: " + cluster.master() + "\nspark-conf: spark.ui.port=0;spark.executor.memory=700m\n");
        bench = new Workbench(
                Workspace.create(workspace),
                Settings.load(Map.of(Settings.Key.WORKSPACE, workspace.toString()), System.getenv()));
        server = LoupeServer.start(bench, new LoupeServer.Options("127.0.0.1", 0, null));
    }

    @AfterAll
    static void stop() throws InterruptedException {
        server.close();
        bench.close();
        cluster.close();
        CLIENT.close();
    }

    @Test
    void a_capture_and_a_training_are_followed_as_if_they_were_here_and_give_the_same_bytes() throws Exception {
        String capture = started("capture", """
                {"name": "s", "model": "builtin", "text": "%s", "hooks": ["%s"], "tokens": %d, "held_out": "0.2",
                 "rules": {"shard_rows": 1024}}""".formatted(text, SmallWorkspace.HOOK, TOKENS));
        String events = get("/api/jobs/" + capture + "/events"); // server-sent, to the job's end
        assertThat(events).contains("event: start", "event: stage", "event: progress", "event: done");
        assertThat(events).as("the address of Spark's own page").contains("event: page", "\"text\":\"http://");
        assertThat(job(capture).path("state").asString()).isEqualTo("done");
        assertThat(Stream.of(events.split("\n"))
                        .filter(line -> line.contains("\"type\":\"progress\""))
                        .count())
                .as("told more than once on the way")
                .isGreaterThan(2);

        String training = started("train", """
                {"name": "t", "store": "s", "arch": "topk", "d_sae": 64, "k": 4, "steps": 200, "set": {"batch": 256}}""");
        await(training, j -> j.path("state").asString().equals("done"));
        JsonNode curves =
                Json.MAPPER.readTree(get("/api/jobs/" + training + "/curves")).path("curves");
        assertThat(curves.findValuesAsString("name")).anyMatch(n -> n.contains("loss"));

        Cli local = new Cli(folder.resolve("near"));
        Work.done(local, Work.capture(text, TOKENS));
        Work.done(local, Work.train("t", "--steps", "200"));
        for (String part : List.of("activations/s", "saes/" + Work.first(workspace.resolve("saes")))) {
            assertThat(Work.checksums(workspace.resolve(part)))
                    .as(part)
                    .hasSizeGreaterThan(2)
                    .isEqualTo(Work.checksums(folder.resolve("near").resolve(part)));
        }

        String endless = started("train", """
                {"name": "endless", "store": "s", "arch": "topk", "d_sae": 64, "k": 4, "steps": 10000000,
                 "set": {"batch": 64}}""");
        await(endless, j -> j.path("done").asLong() > 0);
        CLIENT.send(
                HttpRequest.newBuilder(URI.create(url("/api/jobs/" + endless + "/cancel")))
                        .POST(HttpRequest.BodyPublishers.noBody())
                        .build(),
                HttpResponse.BodyHandlers.discarding());
        assertThat(await(
                                endless,
                                j -> !List.of("queued", "running")
                                        .contains(j.path("state").asString()))
                        .path("state")
                        .asString())
                .isEqualTo("cancelled");
        for (int i = 0; i < 600 && Faults.executors().count() > 0; i++) {
            Thread.sleep(100);
        }
        assertThat(Faults.executors()).as("executors after a job was stopped").isEmpty();
        assertThat(bench.saes().names()).noneMatch(name -> name.startsWith("endless"));
    }

    private static String url(String path) {
        return "http://127.0.0.1:" + server.port() + path;
    }

    private static String get(String path) throws Exception {
        return CLIENT.send(HttpRequest.newBuilder(URI.create(url(path))).build(), HttpResponse.BodyHandlers.ofString())
                .body();
    }

    private static JsonNode job(String id) throws Exception {
        return Json.MAPPER.readTree(get("/api/jobs/" + id));
    }

    private static String started(String kind, String request) throws Exception {
        HttpResponse<String> answer = CLIENT.send(
                HttpRequest.newBuilder(URI.create(url("/api/jobs")))
                        .POST(HttpRequest.BodyPublishers.ofString(
                                "{\"kind\": \"" + kind + "\", \"request\": " + request + "}"))
                        .build(),
                HttpResponse.BodyHandlers.ofString());
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(202);
        return Json.MAPPER.readTree(answer.body()).path("id").asString();
    }

    private static JsonNode await(String id, Predicate<JsonNode> condition) throws Exception {
        long end = System.currentTimeMillis() + PATIENCE_MILLIS;
        while (true) {
            JsonNode job = job(id);
            if (condition.test(job)) {
                return job;
            }
            boolean over =
                    !List.of("queued", "running").contains(job.path("state").asString());
            if (over || System.currentTimeMillis() > end) {
                throw new AssertionError(job + "\n" + bench.jobs().log(id));
            }
            Thread.sleep(100);
        }
    }
}
