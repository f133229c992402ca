package dev.loupe.service;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.base.Progress;
import dev.loupe.base.Task;
import dev.loupe.base.TaskExecutor;
import dev.loupe.base.WorkspaceJson;
import dev.loupe.capture.CaptureJob;
import dev.loupe.capture.CaptureRequest;
import dev.loupe.capture.CaptureRules;
import dev.loupe.cli.SmallWorkspace;
import dev.loupe.cluster.Executors;
import dev.loupe.fixtures.FakeHub;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.LanguageModels;
import dev.loupe.model.ModelOptions;
import dev.loupe.store.ActivationStore;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Two tasks begin at once on a machine that has nothing of their model yet: it comes once, and both are done. */
class HubModelOnceTest {
    private static final String MODEL = "owner/tiny-model";

    @TempDir
    Path folder;

    @Test
    void of_two_processes_one_fetches_the_model_and_the_other_waits_for_it() throws Exception {
        Path builtin = LanguageModels.builtin(folder.resolve("models"));
        Path text = Files.writeString(folder.resolve("text.jsonl"), SmallWorkspace.documents(40));
        Workspace workspace = Workspace.create(folder.resolve("ws"));
        try (FakeHub hub = new FakeHub();
                LanguageModel model = LanguageModels.open(builtin, ModelOptions.defaults())) {
            for (String file : List.of("config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors")) {
                hub.files.put(file, Files.readAllBytes(builtin.resolve(file)));
            }
            hub.held = new CountDownLatch(1);
            CaptureRequest request = CaptureRequest.of(
                            "s", workspace.activations(), MODEL, text.toString(), List.of(SmallWorkspace.HOOK), 2_000)
                    .withRules(CaptureRules.NONE.withShardRows(1024));
            TwoProcesses executor = new TwoProcesses(workspace.root(), folder.resolve("hf"), hub);
            CaptureJob.run(request, model, executor, Progress.silent());
            assertThat(executor.said).filteredOn(l -> l.startsWith("R")).hasSizeGreaterThanOrEqualTo(2);
            assertThat(executor.said)
                    .filteredOn(l -> l.contains("Waiting for another process"))
                    .singleElement()
                    .asString()
                    .contains("downloading " + MODEL);
            assertThat(hub.requests)
                    .filteredOn(r -> r.startsWith("BLOB"))
                    .as("the weights came once")
                    .hasSize(1);
        }
        try (ActivationStore store =
                ActivationStore.open(workspace.activations().resolve("s"))) {
            assertThat(store.rows()).isGreaterThan(1024);
        }
    }

    /** Gives tasks to two processes, as an executor of a cluster does; the hub sends weights once one of them has spoken. */
    private static final class TwoProcesses implements TaskExecutor {
        final List<String> said = java.util.Collections.synchronizedList(new ArrayList<>());
        private final Path workspace;
        private final Path cache;
        private final FakeHub hub;

        TwoProcesses(Path workspace, Path cache, FakeHub hub) {
            this.workspace = workspace;
            this.cache = cache;
            this.hub = hub;
        }

        @Override
        public <T extends Task<R>, R> void run(
                Iterator<T> tasks, Class<R> results, Work<T, R> here, BiConsumer<T, R> done, Progress progress) {
            WorkspaceJson json = new WorkspaceJson(workspace);
            List<T> all = new ArrayList<>();
            tasks.forEachRemaining(all::add);
            List<Process> processes = new ArrayList<>();
            try {
                List<CompletableFuture<List<String>>> answers = new ArrayList<>();
                for (int i = 0; i < 2; i++) {
                    Process process = start();
                    processes.add(process);
                    int first = i;
                    answers.add(CompletableFuture.supplyAsync(
                            () -> {
                                List<String> mine = new ArrayList<>();
                                for (int t = first; t < all.size(); t += 2) {
                                    mine.add(answer(
                                            process,
                                            json.line(Map.of("kind", all.get(t).kind(), "request", all.get(t)))));
                                }
                                return mine;
                            },
                            Thread.ofPlatform().daemon()::start));
                }
                for (int t = 0; t < all.size(); t++) {
                    String line = answers.get(t % 2).join().get(t / 2);
                    assertThat(line).startsWith("R");
                    done.accept(all.get(t), json.mapper().readValue(line.substring(1), results));
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            } finally {
                hub.held.countDown();
                processes.forEach(Process::destroyForcibly);
            }
        }

        private Process start() throws IOException {
            List<String> command = new ArrayList<>();
            command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
            command.add("-XX:TieredStopAtLevel=1");
            command.addAll(Executors.jvm());
            command.addAll(List.of(
                    "dev.loupe.cli.Main", "--workspace", workspace.toString(), "--threads", "1", "task", "--piped"));
            ProcessBuilder builder = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT);
            builder.environment()
                    .putAll(Map.of("HF_HOME", cache.toString(), "HF_ENDPOINT", hub.endpoint(), "HF_HUB_OFFLINE", "0"));
            List.of("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "TRANSFORMERS_OFFLINE")
                    .forEach(builder.environment()::remove);
            return builder.start();
        }

        /** The last line of a task; whatever comes before it or instead of it opens the hub's gate. */
        private String answer(Process process, String task) {
            try {
                process.getOutputStream().write((task + "\n").getBytes(StandardCharsets.UTF_8));
                process.getOutputStream().flush();
                while (true) {
                    String line = String.valueOf(process.inputReader().readLine());
                    said.add(line);
                    boolean last = !line.startsWith("P") && !line.startsWith("O") && !line.startsWith("L");
                    if (last || line.contains("Waiting for another process")) {
                        hub.held.countDown();
                    }
                    if (last) {
                        return line;
                    }
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        @Override
        public boolean remote() {
            return true;
        }

        @Override
        public int slots() {
            return 2;
        }
    }
}
