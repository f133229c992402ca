package dev.loupe.http;

import static dev.loupe.http.Http.json;
import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.cli.Cli;
import dev.loupe.cli.SmallWorkspace;
import dev.loupe.service.Job;
import dev.loupe.service.JobState;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** Jobs that the server starts: real child processes. */
class JobsOverHttpTest {
    private static final String ENDLESS = """
            {"kind": "train", "request": {"name": "%s", "store": "small", "arch": "topk", "d_sae": 64, "k": 4,
             "steps": 10000000, "set": {"batch": 64}}}""";

    @TempDir
    static Path folder;

    private static Http http;

    @BeforeAll
    static void start() throws IOException {
        copy(SmallWorkspace.folder().resolve("activations"), folder.resolve("activations"));
        copy(SmallWorkspace.folder().resolve("saes"), folder.resolve("saes"));
        http = new Http(folder, null);
    }

    @AfterAll
    static void stop() {
        http.close();
    }

    @Test
    void aKilledChildFailsItsOwnJobOnlyAndAnotherIsStoppedOnRequest() throws Exception {
        String doomed = started(ENDLESS.formatted("doomed"));
        String other = started(ENDLESS.formatted("other"));
        await(doomed, j -> j.state() == JobState.RUNNING && j.done() > 0);
        await(other, j -> j.state() == JobState.RUNNING && j.done() > 0);
        assertThat(ProcessHandle.of(pid(doomed)).orElseThrow().destroyForcibly())
                .isTrue();
        Job dead = dead(doomed, "137");
        assertThat(dead.state()).isEqualTo(JobState.FAILED);
        assertThat(http.get("/api/health").statusCode()).isEqualTo(200);
        assertThat(http.bench().jobs().get(other).state()).isEqualTo(JobState.RUNNING);
        assertThat(json(http.get("/api/jobs/" + other + "/curves")).path("curves"))
                .isNotEmpty();
        assertThat(http.post("/api/jobs/" + other + "/cancel", "").statusCode()).isEqualTo(200);
        assertThat(await(other, j -> j.state().ended()).state()).isEqualTo(JobState.CANCELLED);
        assertThat(http.bench().saes().names()).doesNotContain("doomed", "other");
    }

    @Test
    void aChildWhoseNativeCodeAbortsFailsItsOwnJobWithASentence() throws Exception {
        String id = started(ENDLESS.formatted("aborted"));
        await(id, j -> j.state() == JobState.RUNNING && j.done() > 0);
        assertThat(new ProcessBuilder("kill", "-SEGV", Long.toString(pid(id)))
                        .start()
                        .waitFor())
                .isZero();
        Job dead = dead(id, "native code");
        assertThat(dead.state()).isEqualTo(JobState.FAILED);
        assertThat(dead.text()).contains("native code crashed", "crash.log").endsWith(".");
        assertThat(http.bench().workspace().jobs().resolve(id).resolve("crash.log"))
                .isRegularFile();
        assertThat(http.get("/api/health").statusCode()).isEqualTo(200);
        assertThat(http.bench().saes().names()).doesNotContain("aborted");
    }

    @Test
    void aJobRunsToItsEndAndItsEventsCanBeFollowed() throws Exception {
        HttpResponse<String> answer = http.post(
                "/api/comparisons",
                "{\"a\": \"tiny-s0\", \"b\": \"tiny-s1\", \"threshold\": 0.6}",
                "X-Request-Id",
                "asked-by-seven");
        assertThat(answer.statusCode()).isEqualTo(202);
        String id = json(answer).path("id").asString();
        assertThat(dev.loupe.base.Json.tree(folder.resolve("jobs").resolve(id).resolve("request.json"))
                        .path("request_id")
                        .asString(""))
                .as("the request that began it")
                .isEqualTo("asked-by-seven");
        HttpResponse<String> events =
                http.get("/api/jobs/" + id + "/events"); // no Accept header needed; ends with the job
        assertThat(events.headers().firstValue("content-type").orElse("")).startsWith("text/event-stream");
        assertThat(events.body()).contains("event: start", "event: done", "event: end");
        JsonNode job = json(http.get("/api/jobs/" + id));
        assertThat(job.path("state").asString()).isEqualTo("done");
        assertThat(job.path("result").path("threshold").asDouble()).isEqualTo(0.6);
        assertThat(json(http.get("/api/comparisons/tiny-s0/tiny-s1")).path("shared"))
                .isEqualTo(job.path("result").path("shared"));
        String late =
                http.get("/api/jobs/" + id + "/events", "Last-Event-ID", "0").body();
        assertThat(late).doesNotContain("event: start").contains("event: done");
    }

    @Test
    void patchingRunsInAJobAndItsResultIsKept() throws Exception {
        HttpResponse<String> answer = http.post(
                "/api/patches?job=true&name=long",
                "{\"task\": \"person\", \"task_pairs\": 4, \"sites\": [\"resid_pre\"], \"verify\": 5}");
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(202);
        String id = json(answer).path("id").asString();
        assertThat(answer.headers().firstValue("location")).hasValue("/api/jobs/" + id);
        Job job = await(id, j -> j.state() == JobState.DONE);
        assertThat(job.title()).isEqualTo("Patch person");
        assertThat(job.result()).isNotNull();
        assertThat(job.result().path("id").asString()).isEqualTo("long");
        JsonNode kept = json(http.get("/api/patches/long"));
        assertThat(kept.path("request").path("task").asString()).isEqualTo("person");
        assertThat(kept.path("verified")).isNotEmpty();
        assertThat(kept.path("clean_metric")).isEqualTo(job.result().path("clean_metric"));
    }

    @Test
    void aJobThatCannotBeDoneFailsWithTheSentenceOfTheCommand() throws Exception {
        String id = started("{\"kind\": \"eval\", \"request\": {\"sae\": \"nobody\"}}");
        Job job = await(id, j -> j.state().ended());
        assertThat(job.state()).isEqualTo(JobState.FAILED);
        assertThat(job.text()).contains("There is no SAE \"nobody\"", "tiny-s0");
    }

    @Test
    void aTaskFileRunsOnTheCommandLineAsWell() throws Exception {
        Path task = folder.resolve("task.json");
        Files.writeString(
                task,
                "{\"kind\": \"compare\", \"request\": {\"a\": \"tiny-s1\", \"b\": \"tiny-s0\", \"threshold\": 0.5}}");
        Cli.Result r = new Cli(folder).run("--json", "task", task.toString());
        assertThat(r.code()).as(r.err()).isZero();
        assertThat(r.json().path("a").asString()).isEqualTo("tiny-s1");
        assertThat(r.json().has("shared")).isTrue();
    }

    private static String started(String body) throws Exception {
        HttpResponse<String> r = http.post("/api/jobs", body);
        assertThat(r.statusCode()).as(r.body()).isEqualTo(202);
        return json(r).path("id").asString();
    }

    private static long pid(String job) {
        return dev.loupe.base.Json.tree(folder.resolve("jobs").resolve(job).resolve("owner.json"))
                .path("pid")
                .asLong();
    }

    /** The job when its server has written down how its process ended: that is a moment after the process is gone. */
    private static Job dead(String id, String words) throws Exception {
        long end = System.nanoTime() + Duration.ofSeconds(300).toNanos();
        Job job = http.bench().jobs().get(id);
        while (!String.valueOf(job.text()).contains(words) && System.nanoTime() < end) {
            Thread.sleep(50);
            job = http.bench().jobs().get(id);
        }
        return job;
    }

    private static Job await(String id, Predicate<Job> condition) throws Exception {
        long end = System.nanoTime() + Duration.ofSeconds(300).toNanos();
        while (true) {
            Job job = http.bench().jobs().get(id);
            if (condition.test(job)) {
                return job;
            }
            if (job.state().ended() || System.nanoTime() > end) {
                throw new AssertionError(job + "\n" + http.bench().jobs().log(id));
            }
            Thread.sleep(50);
        }
    }

    private static void copy(Path from, Path to) throws IOException {
        Files.walkFileTree(from, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult preVisitDirectory(Path dir, BasicFileAttributes a) throws IOException {
                Files.createDirectories(to.resolve(from.relativize(dir).toString()));
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes a) throws IOException {
                Files.copy(file, to.resolve(from.relativize(file).toString()));
                return FileVisitResult.CONTINUE;
            }
        });
    }
}
