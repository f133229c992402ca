package dev.loupe.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.CancelledException;
import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.math.Matrix;
import dev.loupe.sae.Sae;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Several SAEs on one stream. */
class TrainGroupTest {
    private static final List<String> SAME = List.of("sae_weights.safetensors", "metrics.arrow");

    @TempDir
    Path dir;

    /** Seeds, widths, sparsities, architectures, scales and lengths, all on one stream. */
    private static List<TrainTask> tasks() {
        List<TrainTask> tasks = new ArrayList<>();
        TrainConfig topk = Runs.config(Method.TOPK);
        tasks.add(task("topk-s0", topk, 0));
        tasks.add(task("topk-s1", topk, 1));
        tasks.add(task("wide", topk.with("d_sae", 96), 0));
        tasks.add(task("sparse", topk.with("k", 2), 0));
        tasks.add(task("jump", Runs.config(Method.JUMPRELU).with("input_scale", "expected_average_only_in"), 0));
        tasks.add(task("batch", Runs.config(Method.BATCHTOPK).with("steps", 70), 2));
        tasks.add(task("relu", Runs.config(Method.RELU).with("input_scale", "none"), 0));
        return tasks;
    }

    private static TrainTask task(String name, TrainConfig config, long seed) {
        return new TrainTask(name, "planted", "", Runs.ORIGIN.hook(), "", config, seed);
    }

    private static List<TrainGroup.Outcome> together(Path saes, List<TrainTask> tasks, Progress progress) {
        BatchSource data = new PlantedSource(20, 0);
        return TrainGroup.run(data, data, Runs.ORIGIN, saes, tasks, progress, 1e9);
    }

    private void sameAsAlone(Path saes, List<TrainTask> tasks) throws IOException {
        Path alone = dir.resolve("alone");
        for (TrainTask t : tasks) {
            TrainGroup.Outcome o =
                    together(alone, List.of(t), Progress.silent()).getFirst();
            assertThat(o.failure()).isNull();
            for (String file : SAME) {
                assertThat(Files.mismatch(
                                alone.resolve(t.name()).resolve(file),
                                saes.resolve(t.name()).resolve(file)))
                        .as(t.name() + " " + file)
                        .isEqualTo(-1);
            }
        }
    }

    @Test
    void eachSaeHasTheBitsThatItHasAloneAndEveryBatchIsReadOnce() throws IOException {
        AtomicInteger read = new AtomicInteger();
        PlantedSource data = new PlantedSource(20, 0);
        BatchSource counted = counted(data, read);
        List<TrainGroup.Outcome> outcomes =
                TrainGroup.run(counted, counted, Runs.ORIGIN, dir.resolve("group"), tasks(), Progress.silent(), 1e9);
        assertThat(outcomes).hasSize(tasks().size()).allMatch(o -> o.failure() == null);
        assertThat(read).hasValue(120); // the longest run has 120 steps
        sameAsAlone(dir.resolve("group"), tasks());
        // and the ordinary command's run is the same again
        Path plain = Runs.train(
                        new TrainRequest(
                                "topk-s1", dir, dir.resolve("plain"), "", Runs.config(Method.TOPK), List.of(1L)),
                        1,
                        Progress.silent())
                .folder();
        assertThat(Files.mismatch(plain.resolve(SAME.getFirst()), dir.resolve("group/topk-s1/" + SAME.getFirst())))
                .isEqualTo(-1);
    }

    @Test
    void aGroupThatWasStoppedGoesOnWithTheSameBits() throws IOException {
        Path saes = dir.resolve("stopped");
        assertThatThrownBy(() -> together(saes, tasks(), Runs.stoppingAfter(40)))
                .isInstanceOf(CancelledException.class);
        // one of them got further by itself: the others must not lose or repeat a step
        assertThatThrownBy(() -> together(saes, tasks().subList(1, 2), Runs.stoppingAfter(60)))
                .isInstanceOf(CancelledException.class);
        assertThatThrownBy(() -> together(saes, tasks(), Runs.stoppingAfter(90)))
                .isInstanceOf(CancelledException.class);
        assertThat(saes.resolve("batch")).isDirectory(); // 70 steps: finished on the way
        List<TrainGroup.Outcome> outcomes = together(saes, tasks(), Progress.silent());
        assertThat(outcomes.get(0).result()).isNotNull();
        assertThat(outcomes.get(0).result().resumedFrom()).isEqualTo(90);
        assertThat(outcomes.get(5).result().kept()).isTrue();
        sameAsAlone(saes, tasks());
    }

    @Test
    void oneThatFailsLeavesTheOthersAlone() throws IOException {
        List<TrainTask> tasks = new ArrayList<>(tasks().subList(0, 2));
        tasks.add(1, task("wild", Runs.config(Method.RELU).with("learning_rate", 1e30), 0));
        List<TrainGroup.Outcome> outcomes = together(dir.resolve("group"), tasks, Progress.silent());
        assertThat(outcomes.get(1).failure()).contains("diverged", "step 2", "W_enc", "no checkpoint yet");
        assertThat(dir.resolve("group/wild")).doesNotExist();
        tasks.remove(1);
        sameAsAlone(dir.resolve("group"), tasks);
    }

    @Test
    void severalHookPointsAreReadOnceEachAndEverySaeHasTheBitsThatItHasAlone() throws IOException {
        List<TrainTask> tasks = new ArrayList<>();
        TrainConfig topk = Runs.config(Method.TOPK).with("steps", 40);
        TrainConfig jump = Runs.config(Method.JUMPRELU).with("steps", 50);
        for (String hook : List.of("blocks.0.hook_x", "blocks.1.hook_x")) {
            tasks.add(new TrainTask("topk-" + hook, "planted", "", hook, "", topk, 0));
            tasks.add(new TrainTask("jump-" + hook, "planted", "", hook, "", jump, 1));
        }
        TrainConfig coder = topk.with(Map.of("apply_b_dec_to_input", false, "decoder", "free"));
        tasks.add(new TrainTask("coder", "planted", "", "blocks.0.hook_x", "blocks.1.hook_x", coder, 0));
        Map<String, AtomicInteger> read = new LinkedHashMap<>();
        Path saes = dir.resolve("places");
        try (TrainingRows rows = rows(read)) {
            TrainGroup.run(rows, saes, saes, tasks.subList(0, 1), Progress.silent(), 1e9); // one is there already
            read.clear();
            assertThatThrownBy(() -> TrainGroup.run(rows, saes, saes, tasks, Runs.stoppingAfter(20), 1e9))
                    .isInstanceOf(CancelledException.class);
            read.clear();
            List<TrainGroup.Outcome> outcomes = TrainGroup.run(rows, saes, saes, tasks, Progress.silent(), 1e9);
            assertThat(outcomes).allMatch(o -> o.failure() == null && o.result() != null);
            assertThat(outcomes.get(0).result().kept()).isTrue();
            assertThat(outcomes.get(3).result().resumedFrom()).isEqualTo(20);
        }
        assertThat(read.get("blocks.0.hook_x")).hasValue(30 + 20); // for the SAE to step 50, for the transcoder to 40
        assertThat(read.get("blocks.1.hook_x")).hasValue(30 + 20);
        Path alone = dir.resolve("alone");
        for (TrainTask t : tasks) {
            try (TrainingRows rows = rows(new LinkedHashMap<>())) {
                TrainGroup.run(rows, alone, alone, List.of(t), Progress.silent(), 1e9);
            }
            for (String file : SAME) {
                assertThat(Files.mismatch(
                                alone.resolve(t.name()).resolve(file),
                                saes.resolve(t.name()).resolve(file)))
                        .as(t.name() + " " + file)
                        .isEqualTo(-1);
            }
        }
        assertThat(Sae.open(saes.resolve("topk-blocks.1.hook_x")).config().hookName())
                .isEqualTo("blocks.1.hook_x");
    }

    /** Two hook points, each of rows and a width of its own. */
    private static TrainingRows rows(Map<String, AtomicInteger> read) {
        return new TrainingRows(
                Runs.ORIGIN,
                List.of("blocks.0.hook_x", "blocks.1.hook_x"),
                h -> h.contains("0") ? 20 : 12,
                h -> counted(
                        new PlantedSource(h.contains("0") ? 20 : 12, 0),
                        read.computeIfAbsent(h, x -> new AtomicInteger())),
                () -> 0,
                () -> {});
    }

    @Test
    void aTaskTravelsAsJson() {
        for (TrainTask t : tasks()) {
            assertThat(Json.MAPPER.readValue(Json.line(t), TrainTask.class)).isEqualTo(t);
        }
    }

    @Test
    void tasksOnOtherBatchesAreNotSteppedTogether() {
        TrainConfig c = Runs.config(Method.TOPK);
        List<TrainTask> tasks = List.of(task("a", c, 0), task("b", c.with(Map.of("batch", 50)), 0));
        assertThatThrownBy(() -> TrainGroup.run(dir, dir, tasks, Progress.silent()))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("same batches");
    }

    @Test
    void whatDoesNotFitTogetherSaysWhatToLower() {
        TrainConfig big = Runs.config(Method.TOPK).with(Map.of("d_sae", 60_000));
        List<TrainConfig> many = java.util.Collections.nCopies(400, big);
        assertThat(MemoryNeed.fits(many, 512)).isFalse();
        assertThatThrownBy(() -> MemoryNeed.check(many, 512))
                .isInstanceOf(LoupeException.class)
                .hasMessageContainingAll("400 SAEs", "fewer", "d_sae");
    }

    private static BatchSource counted(PlantedSource data, AtomicInteger read) {
        return new BatchSource() {
            @Override
            public int width() {
                return data.width();
            }

            @Override
            public void batch(long step, Matrix target) { // samples for starting thresholds
                data.batch(step, target);
            }

            @Override
            public Matrix rows(long step, Matrix buffer) {
                read.incrementAndGet();
                data.batch(step, buffer);
                return buffer;
            }

            @Override
            public float[] mean() {
                return data.mean();
            }

            @Override
            public double meanSquaredNorm() {
                return data.meanSquaredNorm();
            }

            @Override
            public double meanNorm() {
                return data.meanNorm();
            }

            @Override
            public String fingerprint() {
                return data.fingerprint();
            }

            @Override
            public void close() {}
        };
    }
}
