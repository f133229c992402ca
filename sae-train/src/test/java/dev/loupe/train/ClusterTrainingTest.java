package dev.loupe.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.base.Task;
import dev.loupe.base.TaskExecutor;
import dev.loupe.store.ActivationStore;
import dev.loupe.toy.ToyModel;
import dev.loupe.toy.ToyStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Random;
import java.util.function.BiConsumer;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How a training is cut for other machines, and what is in its way there. */
class ClusterTrainingTest {
    private static final int WIDTH = 12;

    @TempDir
    Path dir;

    private Path store;

    @BeforeEach
    void write() {
        store = dir.resolve("text");
        Random random = new Random(5);
        int[] sequence = IntStream.range(0, 60).toArray();
        List<ToyStore.Doc> docs = IntStream.range(0, 6)
                .mapToObj(i -> new ToyStore.Doc("d" + i, "", false, List.of(sequence)))
                .toList();
        ToyStore.write(store, WIDTH, docs, tokens -> {
                    float[][] x = new float[tokens.length][WIDTH];
                    for (float[] row : x) {
                        for (int j = 0; j < WIDTH; j++) {
                            row[j] = (float) random.nextGaussian();
                        }
                    }
                    return x;
                })
                .close();
    }

    private List<TrainTask> tasks(TrainConfig config, int seeds) {
        try (ActivationStore opened = ActivationStore.open(store)) {
            String fingerprint = opened.fingerprint();
            return IntStream.range(0, seeds)
                    .mapToObj(s -> new TrainTask("s" + s, "text", fingerprint, ToyModel.HOOK.name(), "", config, s))
                    .toList();
        }
    }

    private static TrainConfig config() {
        return Runs.config(Method.TOPK).with("steps", 12).with("batch", 40);
    }

    /** Another machine, or several: the tasks travel as JSON, its own saes folder may be another. */
    private record Elsewhere(int now, int atStart, long memoryEach, Path saes, List<Integer> sizes)
            implements TaskExecutor {
        @Override
        public <T extends Task<R>, R> void run(
                Iterator<T> tasks, Class<R> results, Work<T, R> here, BiConsumer<T, R> done, Progress progress) {
            tasks.forEachRemaining(task -> {
                TrainGroupTask asked = Json.MAPPER.readValue(Json.line(task), TrainGroupTask.class);
                sizes.add(asked.tasks().size());
                @SuppressWarnings("unchecked")
                T moved = (T) new TrainGroupTask(asked.tasks(), asked.store(), saes, asked.memory());
                done.accept(task, Json.MAPPER.readValue(Json.line(here.apply(moved, Progress.silent())), results));
            });
        }

        @Override
        public boolean remote() {
            return true;
        }

        @Override
        public int slots() {
            return now;
        }

        @Override
        public int slotsAtStart(Progress progress) {
            return atStart;
        }
    }

    private List<Integer> sizes(TrainConfig config, int seeds, int now, int atStart, long memoryEach, Path saes) {
        Elsewhere machines = new Elsewhere(now, atStart, memoryEach, saes, new ArrayList<>());
        List<TrainGroup.Outcome> outcomes =
                ClusterTraining.run(store, saes, tasks(config, seeds), machines, Progress.silent());
        assertThat(outcomes).hasSize(seeds).allMatch(o -> o.failure() == null);
        return machines.sizes;
    }

    private void sameAsHere(Path saes, TrainConfig config, int seeds) throws IOException {
        Path here = dir.resolve("here");
        TrainGroup.run(store, here, tasks(config, seeds), Progress.silent());
        for (int s = 0; s < seeds; s++) {
            String file = "s" + s + "/sae_weights.safetensors";
            assertThat(Files.mismatch(here.resolve(file), saes.resolve(file))).isEqualTo(-1);
        }
    }

    @Test
    void aSweepIsCutByTheMachinesThatComeAndNotByTheFirstOfThem() throws IOException {
        Path saes = dir.resolve("saes");
        assertThat(sizes(config(), 7, 1, 3, Long.MAX_VALUE, saes)).containsExactly(3, 2, 2);
        sameAsHere(saes, config(), 7);
    }

    @Test
    void whatDoesNotFitTogetherIsTrainedInMoreGroups() throws IOException {
        Path saes = dir.resolve("saes");
        long three = (long) (MemoryNeed.bytes(List.of(config(), config(), config()), WIDTH) / 0.9) + 1;
        assertThat(sizes(config(), 7, 1, 1, three, saes)).containsExactly(3, 2, 2);
        sameAsHere(saes, config(), 7);
        // on two machines that hold three each, two rounds of two groups are over before three groups
        assertThat(sizes(config(), 7, 2, 2, three, dir.resolve("two"))).containsExactly(2, 2, 2, 1);
        // one that does not fit anywhere is still asked for: the executor says so before it runs
        assertThat(sizes(config(), 2, 1, 1, 1, dir.resolve("tight"))).containsExactly(1, 1);
    }

    @Test
    void theCheckpointOfAnotherRunIsRefusedHereAndGoneOverOnAMachineOfItsOwn() throws IOException {
        Path saes = dir.resolve("saes");
        Path scratch = dir.resolve("scratch");
        TrainConfig other = config().with("learning_rate", 1e-4).with("checkpoint_minutes", 0);
        for (Path folder : List.of(saes, scratch)) {
            assertThatThrownBy(() -> TrainGroup.run(store, folder, tasks(other, 1), Runs.stoppingAfter(5)))
                    .isInstanceOf(dev.loupe.base.CancelledException.class);
            assertThat(Checkpoint.file(folder, "s0")).exists();
        }
        Elsewhere machine = new Elsewhere(1, 1, Long.MAX_VALUE, scratch, new ArrayList<>());
        assertThatThrownBy(() -> ClusterTraining.run(store, saes, tasks(config(), 1), machine, Progress.silent()))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("learning_rate");
        assertThat(machine.sizes).isEmpty();
        Files.delete(Checkpoint.file(saes, "s0"));
        List<TrainGroup.Outcome> outcomes =
                ClusterTraining.run(store, saes, tasks(config(), 1), machine, Progress.silent());
        assertThat(outcomes.getFirst().failure()).isNull();
        sameAsHere(saes, config(), 1);
    }
}
