package dev.loupe.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.service.Job;
import dev.loupe.service.JobState;
import dev.loupe.service.Settings;
import dev.loupe.service.Workbench;
import dev.loupe.service.Workspace;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Real processes: killed in the middle, and two at the same artifact. */
class KilledTest {
    @TempDir
    Path folder;

    @Test
    void aKilledCaptureIsNeverTakenForWholeAndASecondWriterIsToldOfTheFirst() throws Exception {
        Path text = folder.resolve("text.jsonl");
        Files.writeString(text, SmallWorkspace.documents(20_000));
        Cli cli = new Cli(folder.resolve("loupe"));
        String[] capture = {
            "capture",
            "--text",
            text.toString(),
            "--hook",
            "blocks.5.hook_resid_post,blocks.4.hook_resid_post",
            "--tokens",
            "1000000",
            "--name",
            "big"
        };
        Process first = cli.start(folder.resolve("log"), capture);
        try {
            waitFor(first, () -> captured(folder.resolve("loupe/jobs")) > 0);
            Cli.Result second = cli.run(capture);
            assertThat(second.code()).isEqualTo(1);
            assertThat(second.err()).contains("process " + first.pid());
            assertThat(job(cli, "capture", first.pid()).state()).isEqualTo(JobState.RUNNING);
        } finally {
            first.destroyForcibly().waitFor();
        }
        assertThat(cli.run("store", "list", "--json").json().path("stores")).isEmpty();
        assertThat(job(cli, "capture", first.pid()).state()).isEqualTo(JobState.FAILED);
        assertThat(job(cli, "capture", first.pid()).text()).contains("killed or crashed");
    }

    @Test
    void aKilledTrainingIsNeverTakenForWholeOthersSeeItsCurvesAndItsNameStaysFree() throws Exception {
        Cli cli = new Cli(folder.resolve("loupe"));
        Path text = folder.resolve("text.jsonl");
        Files.writeString(text, SmallWorkspace.documents(30));
        assertThat(cli.run(
                                "capture",
                                "--text",
                                text.toString(),
                                "--hook",
                                SmallWorkspace.HOOK,
                                "--tokens",
                                "1000",
                                "--held-out",
                                "0.2",
                                "--name",
                                "x")
                        .code())
                .isZero();
        String[] train = {
            "train",
            "--store",
            "x",
            "--arch",
            "topk",
            "--d-sae",
            "64",
            "--k",
            "4",
            "--steps",
            "1000000",
            "--set",
            "batch=64",
            "--name",
            "sae"
        };
        Process process = cli.start(folder.resolve("log"), train);
        try (Workbench server = bench()) { // a server of the same workspace
            waitFor(
                    process,
                    () -> server.jobs().list().stream()
                            .anyMatch(j -> j.kind().equals("train")
                                    && !server.jobs().curves(j.id()).isEmpty()));
            Job job = server.jobs().list().stream()
                    .filter(j -> j.kind().equals("train"))
                    .findFirst()
                    .orElseThrow();
            assertThat(job.state()).isEqualTo(JobState.RUNNING);
            assertThat(job.by()).isEqualTo("cli");
            assertThat(server.jobs().curves(job.id())).anyMatch(c -> c.name().contains("loss"));
            process.destroyForcibly().waitFor();
            assertThat(server.jobs().get(job.id()).state()).isEqualTo(JobState.FAILED);
            assertThat(server.saes().names()).isEmpty();
        } finally {
            process.destroyForcibly().waitFor();
        }
        train[10] = "20";
        Cli.Result again = cli.run(train);
        assertThat(again.code()).as(again.err()).isZero();
        assertThat(folder.resolve("loupe/saes/sae/sae_weights.safetensors")).isRegularFile();
    }

    private Workbench bench() {
        Path root = folder.resolve("loupe");
        return new Workbench(
                Workspace.create(root), Settings.load(Map.of(Settings.Key.WORKSPACE, root.toString()), Map.of()));
    }

    private Job job(Cli cli, String kind, long pid) throws IOException {
        try (Workbench bench = bench();
                var jobs = Files.list(folder.resolve("loupe/jobs"))) {
            for (Path job : jobs.toList()) {
                Path owner = job.resolve("owner.json");
                if (Files.exists(owner) && Files.readString(owner).contains("\"pid\" : " + pid)) {
                    return bench.jobs().get(job.getFileName().toString());
                }
            }
        }
        throw new AssertionError("no " + kind + " job of process " + pid + " for " + cli);
    }

    private static long captured(Path jobs) {
        try (var all = Files.walk(jobs)) {
            for (Path events : all.filter(p -> p.endsWith("events.jsonl")).toList()) {
                if (Files.readString(events).contains("\"tokens_per_second\"")) {
                    return 1;
                }
            }
        } catch (IOException | java.io.UncheckedIOException e) {
            return 0;
        }
        return 0;
    }

    private void waitFor(Process process, BooleanSupplier condition) throws Exception {
        long end = System.nanoTime() + Duration.ofSeconds(300).toNanos();
        while (!condition.getAsBoolean()) {
            if (!process.isAlive() || System.nanoTime() > end) {
                throw new AssertionError(Files.readString(folder.resolve("log")));
            }
            Thread.sleep(50);
        }
    }
}
