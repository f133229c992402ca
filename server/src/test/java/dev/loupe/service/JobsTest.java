package dev.loupe.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.CancelledException;
import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import dev.loupe.base.NotFoundException;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.node.JsonNodeFactory;

class JobsTest {
    private static final EvalSpec REQUEST = new EvalSpec(List.of("a"), null);

    @TempDir
    Path folder;

    @Test
    void anotherServerSeesWhatAJobSaysWhileItRuns() throws Exception {
        Jobs worker = jobs();
        Jobs watcher = jobs();
        CountDownLatch seen = new CountDownLatch(1);
        CountDownLatch working = new CountDownLatch(1);
        Thread thread = Thread.ofPlatform()
                .start(() -> worker.run("eval", REQUEST, "test", Progress.silent(), p -> {
                    p.stage("halfway", 10, "steps");
                    p.metric("loss", 1, 0.5);
                    p.metric("loss", 2, 0.25);
                    p.advance(5);
                    working.countDown();
                    await(seen);
                    return Map.of("answer", 42);
                }));
        working.await();
        Job job = watcher.list().get(0);
        assertThat(job.state()).isEqualTo(JobState.RUNNING);
        assertThat(job.stage()).isEqualTo("halfway");
        assertThat(job.fraction()).isEqualTo(0.5);
        assertThat(watcher.curves(job.id())).singleElement().satisfies(c -> {
            assertThat(c.name()).isEqualTo("loss");
            assertThat(c.steps()[0]).isEqualTo(1);
        });
        seen.countDown();
        thread.join();
        Job done = watcher.get(job.id());
        assertThat(done.state()).isEqualTo(JobState.DONE);
        assertThat(done.result().path("answer").asInt()).isEqualTo(42);
        assertThat(watcher.curves(job.id()).get(0).values()).containsExactly(0.5, 0.25); // the held point came too
    }

    @Test
    void workWhoseWorkspaceVanishedIsNotCalledDone() throws Exception {
        Path root = Files.createDirectory(folder.resolve("moved"));
        Jobs jobs = new Jobs(new Workspace(root));
        assertThatThrownBy(() -> jobs.run("eval", REQUEST, "test", Progress.silent(), p -> {
                    try {
                        Files.move(root, folder.resolve("aside"));
                        return Files.createDirectory(root).toString(); // as writing a result does
                    } catch (IOException e) {
                        throw new LoupeException("not moved", e);
                    }
                }))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("was moved or taken away")
                .hasMessageEndingWith(".");
    }

    @Test
    void followingHandsOverEveryEventOnceAndEndsWithTheJob() throws Exception {
        Jobs jobs = jobs();
        List<JobEvent> heard = new ArrayList<>();
        CountDownLatch begun = new CountDownLatch(1);
        Thread worker = Thread.ofPlatform()
                .start(() -> jobs.run("eval", REQUEST, "test", Progress.silent(), p -> {
                    begun.countDown();
                    for (int i = 0; i < 5; i++) {
                        p.message("line " + i);
                        pause();
                    }
                    return "done";
                }));
        begun.await();
        jobs.follow(jobs.list().get(0).id(), 0, heard::add, () -> false);
        worker.join();
        assertThat(heard).extracting(JobEvent::type).startsWith("start").endsWith("done");
        assertThat(heard).filteredOn(e -> e.type().equals("message")).hasSize(5);
        for (int i = 0; i < heard.size(); i++) {
            assertThat(heard.get(i).seq()).isEqualTo(i);
        }
    }

    @Test
    void aFailureIsKeptAsOneSentence() {
        Jobs jobs = jobs();
        assertThatThrownBy(() -> jobs.run("eval", REQUEST, "test", Progress.silent(), p -> {
                    throw new LoupeException("The store is damaged: capture it again.");
                }))
                .isInstanceOf(LoupeException.class);
        Job job = jobs.list().get(0);
        assertThat(job.state()).isEqualTo(JobState.FAILED);
        assertThat(job.text()).isEqualTo("The store is damaged: capture it again.");
    }

    @Test
    void aJobThatIsAskedToStopStops() throws Exception {
        Jobs jobs = jobs();
        CountDownLatch begun = new CountDownLatch(1);
        Thread worker = Thread.ofPlatform()
                .start(() -> assertThatThrownBy(() -> jobs.run("eval", REQUEST, "test", Progress.silent(), p -> {
                            begun.countDown();
                            while (true) {
                                p.check();
                                pause();
                            }
                        }))
                        .isInstanceOf(CancelledException.class));
        begun.await();
        String id = jobs.list().get(0).id();
        jobs().cancel(id); // from another server
        worker.join();
        assertThat(jobs.get(id).state()).isEqualTo(JobState.CANCELLED);
    }

    @Test
    void aJobWhoseProcessIsGoneHasFailed() throws IOException {
        Path job = written("20260101-000000-eval-dead");
        Json.write(
                job.resolve("owner.json"),
                new JobOwner(Long.MAX_VALUE, 0, JobOwner.self("").host(), "test"));
        Files.writeString(job.resolve("events.jsonl"), "{\"at\":1,\"type\":\"start\"}\n{\"at\":2,\"type\":\"sta");
        Job dead = jobs().get("20260101-000000-eval-dead");
        assertThat(dead.state()).isEqualTo(JobState.FAILED);
        assertThat(dead.text()).contains("killed or crashed");
    }

    /** The clock of the machine was set: the same process seems to have begun at another time. */
    @Test
    void aProcessWithAnotherStartIsTheSameWhileItsHeartBeats() throws IOException {
        Path job = written("20260101-000000-eval-clock");
        JobOwner self = JobOwner.self("");
        Json.write(
                job.resolve("owner.json"), new JobOwner(self.pid(), self.started() - 3_600_000, self.host(), "test"));
        assertThat(jobs().get("20260101-000000-eval-clock").state()).isEqualTo(JobState.FAILED);
        Path heartbeat = Files.writeString(job.resolve("heartbeat"), "");
        assertThat(jobs().get("20260101-000000-eval-clock").state()).isEqualTo(JobState.RUNNING);
        Files.setLastModifiedTime(heartbeat, FileTime.fromMillis(System.currentTimeMillis() - 120_000));
        assertThat(jobs().get("20260101-000000-eval-clock").state()).isEqualTo(JobState.FAILED);
    }

    @Test
    void halfALineOfAKilledWriterIsPassedOver() throws IOException {
        Path job = written("20260101-000000-eval-half");
        Files.writeString(
                job.resolve("events.jsonl"),
                "{\"at\":1,\"type\":\"start\"}\n{\"at\":2,\"type\":\"sta\n{\"at\":3,\"type\":\"failed\",\"text\":\"gone\"}\n");
        assertThat(jobs().get("20260101-000000-eval-half").text()).isEqualTo("gone");
    }

    @Test
    void whatCannotBeStartedIsRefusedBeforeAnythingIsWritten() {
        Jobs jobs = jobs();
        assertThatThrownBy(() -> jobs.start("dance", Map.of())).isInstanceOf(UsageException.class);
        assertThatThrownBy(() -> jobs.start("eval", Map.of())).isInstanceOf(UsageException.class);
        assertThatThrownBy(() -> jobs.start("train", Map.of("name", "x"))).isInstanceOf(UsageException.class);
        assertThatThrownBy(() -> jobs.start("eval", Map.of("saes", List.of("../x"))))
                .isInstanceOf(UsageException.class);
        assertThatThrownBy(() -> jobs.get("nobody")).isInstanceOf(NotFoundException.class);
        assertThatThrownBy(() -> jobs.get("../../etc")).isInstanceOf(UsageException.class);
        assertThat(jobs.list()).isEmpty();
    }

    private Path written(String id) throws IOException {
        Path job = folder.resolve("jobs").resolve(id);
        Files.createDirectories(job);
        Json.write(
                job.resolve("request.json"),
                new JobRequest(
                        "1.0",
                        id,
                        "eval",
                        "Evaluate",
                        Instant.now().toString(),
                        "cli",
                        JsonNodeFactory.instance.objectNode(),
                        null));
        return job;
    }

    private Jobs jobs() {
        return new Jobs(new Workspace(folder));
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private static void pause() {
        try {
            Thread.sleep(10);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
