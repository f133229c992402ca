package dev.loupe.capture;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.base.Progress;
import dev.loupe.fixtures.Cases;
import dev.loupe.fixtures.Floats;
import dev.loupe.math.Matrix;
import dev.loupe.store.ActivationStore;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LiveBatchesTest {
    private static final String HOOK = "blocks.1.hook_resid_post";
    private static final String OTHER = "blocks.0.hook_resid_post";

    @TempDir
    Path folder;

    private CaptureRequest request() throws IOException {
        StringBuilder lines = new StringBuilder();
        for (int i = 0; i < 200; i++) {
            lines.append("Line ")
                    .append(i)
                    .append(" says ")
                    .append("so ".repeat(i % 30))
                    .append(i * 7)
                    .append(".\n");
        }
        Path text = Files.writeString(folder.resolve("text.txt"), lines);
        return CaptureRequest.of("live", folder, "toy", text.toString(), List.of(HOOK), 100_000)
                .withHeldOut("0.1");
    }

    @Test
    void an_epoch_has_every_training_row_once_and_no_other_whatever_the_batch() throws IOException {
        CaptureRequest request = request();
        CaptureJob.run(request, new ToyModel(), Progress.silent());
        Map<List<Float>, Integer> stored = new HashMap<>();
        int rows;
        try (ActivationStore store = ActivationStore.open(request.folder());
                Arena arena = Arena.ofConfined()) {
            rows = (int) store.trainRows();
            Matrix row = Matrix.allocate(arena, 1, ToyModel.WIDTH);
            for (long r : store.trainRowIds().toArray()) {
                store.reader(HOOK).read(r, 1, row);
                stored.merge(key(row.row(0)), 1, Integer::sum);
            }
        }
        int batch = 16;
        try (LiveBatches live = LiveBatches.open(request, new ToyModel(), Progress.silent(), 500);
                Arena arena = Arena.ofConfined()) {
            Matrix values = Matrix.allocate(arena, batch, ToyModel.WIDTH);
            // the second half of an epoch's last block comes with the next epoch: two epochs hold every row at least
            // once
            Map<List<Float>, Integer> met = new HashMap<>();
            int steps = 2 * rows / batch;
            for (int step = 0; step < steps; step++) {
                live.batch(HOOK, step, batch, values);
                for (int r = 0; r < batch; r++) {
                    met.merge(key(values.row(r)), 1, Integer::sum);
                }
            }
            assertThat(stored.keySet()).containsAll(met.keySet());
            int total = 0;
            for (Map.Entry<List<Float>, Integer> row : stored.entrySet()) {
                int count = met.getOrDefault(row.getKey(), 0);
                assertThat(count).isBetween(row.getValue(), 3 * row.getValue());
                total += count;
            }
            assertThat(total).isEqualTo(steps * batch);
        }
    }

    @Test
    void hooks_that_take_every_step_together_share_the_passes_of_the_model() throws IOException {
        CaptureRequest r = request();
        CaptureRequest both = CaptureRequest.of("live", folder, "toy", r.text(), List.of(HOOK, OTHER), 100_000)
                .withHeldOut("0.1");
        int batch = 37;
        int[] passes = new int[2];
        try (Arena arena = Arena.ofConfined()) {
            Matrix values = Matrix.allocate(arena, batch, ToyModel.WIDTH);
            for (int hooks = 1; hooks <= 2; hooks++) {
                ToyModel model = new ToyModel();
                try (LiveBatches live = LiveBatches.open(both, model, Progress.silent(), 200)) {
                    for (int step = 0; step < 100; step++) {
                        live.batch(HOOK, step, batch, values);
                        if (hooks == 2) {
                            live.batch(OTHER, step, batch, values);
                        }
                    }
                }
                passes[hooks - 1] = model.passes;
            }
        }
        assertThat(passes[1]).as("passes, %d for one hook", passes[0]).isLessThan(passes[0] * 5 / 4);
    }

    @Test
    void any_step_is_reached_at_once_with_the_same_rows() throws IOException {
        CaptureRequest request = request();
        int batch = 37;
        int steps = 300;
        float[][][] all = new float[steps][batch][];
        try (LiveBatches live = LiveBatches.open(request, new ToyModel(), Progress.silent(), 500);
                Arena arena = Arena.ofConfined()) {
            Matrix values = Matrix.allocate(arena, batch, ToyModel.WIDTH);
            for (int step = 0; step < steps; step++) {
                live.batch(HOOK, step, batch, values);
                for (int r = 0; r < batch; r++) {
                    all[step][r] = values.row(r);
                }
            }
        }
        ToyModel model = new ToyModel();
        try (LiveBatches live = LiveBatches.open(request, model, Progress.silent(), 500);
                Arena arena = Arena.ofConfined()) {
            assertThat(live.meanNorm(HOOK)).isPositive();
            Matrix values = Matrix.allocate(arena, batch, ToyModel.WIDTH);
            Cases.Random random = Cases.random();
            for (int i = 0; i < 30; i++) {
                int step = random.nextInt(steps);
                live.batch(HOOK, step, batch, values);
                for (int r = 0; r < batch; r++) {
                    Floats.assertIdentical(values.row(r), all[step][r]);
                }
            }
        }
        try (LiveBatches other = LiveBatches.open(request.withSeed(9), model, Progress.silent(), 500);
                Arena arena = Arena.ofConfined()) {
            Matrix values = Matrix.allocate(arena, batch, ToyModel.WIDTH);
            other.batch(HOOK, 0, batch, values);
            assertThat(values.row(0)).isNotEqualTo(all[0][0]);
        }
    }

    @Test
    void a_text_in_parts_gives_every_training_row_and_several_hook_points_give_the_same_rows() throws IOException {
        CaptureRequest one = request();
        int batch = 16;
        try (LiveBatches whole = LiveBatches.open(one, new ToyModel(), Progress.silent(), 500);
                LiveBatches parts = open(one, HOOK);
                LiveBatches other = open(one, OTHER);
                LiveBatches both = open(one, OTHER, HOOK);
                Arena arena = Arena.ofConfined()) {
            Map<List<Float>, Integer> rows = new HashMap<>();
            Map<List<Float>, Integer> inParts = new HashMap<>();
            Matrix values = Matrix.allocate(arena, batch, ToyModel.WIDTH);
            Matrix twin = Matrix.allocate(arena, batch, ToyModel.WIDTH);
            for (int step = 0; step < 2000; step++) {
                whole.batch(HOOK, step, batch, values);
                count(values, rows);
                other.batch(OTHER, step, batch, values);
                both.batch(OTHER, step, batch, twin);
                assertThat(twin.segment().mismatch(values.segment())).isEqualTo(-1);
                parts.batch(HOOK, step, batch, values);
                both.batch(HOOK, step, batch, twin);
                assertThat(twin.segment().mismatch(values.segment())).isEqualTo(-1);
                count(values, inParts);
            }
            assertThat(inParts.keySet()).isEqualTo(rows.keySet());
            assertThat(parts.fingerprint()).isNotEqualTo(whole.fingerprint());
        }
    }

    private LiveBatches open(CaptureRequest one, String... hooks) {
        CaptureRequest request = CaptureRequest.of("live", folder, "toy", one.text(), List.of(hooks), 100_000)
                .withHeldOut("0.1");
        return LiveBatches.open(request, new ToyModel(), Progress.silent(), 500, 1500);
    }

    private static void count(Matrix values, Map<List<Float>, Integer> rows) {
        for (int r = 0; r < values.rows(); r++) {
            rows.merge(key(values.row(r)), 1, Integer::sum);
        }
    }

    private static List<Float> key(float[] row) {
        Float[] boxed = new Float[row.length];
        Arrays.setAll(boxed, i -> row[i]);
        return List.of(boxed);
    }
}
