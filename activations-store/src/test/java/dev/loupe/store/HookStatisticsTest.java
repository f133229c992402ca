package dev.loupe.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.fixtures.Cases;
import dev.loupe.math.Parallel;
import dev.loupe.store.MassiveActivations.Place;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HookStatisticsTest {
    @TempDir
    Path folder;

    @Test
    void variance_and_quantiles_of_norms_are_those_of_the_training_rows() {
        Cases.check(25, random -> {
            Map<String, StoreSpec.HookSpec> hooks =
                    Map.of("h", new StoreSpec.HookSpec(random.size(40), random.oneOf(Dtype.values())));
            StoreSpec spec = TestStores.spec("s" + random.index(), hooks);
            TestStores.Expected e = TestStores.random(random, 12, hooks);
            TestStores.write(folder.resolve(spec.name()), spec, e);
            StoreManifest.Hook hook = Objects.requireNonNull(
                    StoreManifest.read(folder.resolve(spec.name())).hooks().get("h"));
            List<float[]> rows = new ArrayList<>();
            for (int r = 0; r < e.rows.size(); r++) {
                if (!e.heldOut.get(e.rows.get(r)[3])) {
                    rows.add(e.activations.get("h").get(r));
                }
            }
            checkVariance(hook, rows);
            double[] norms = rows.stream()
                    .mapToDouble(x -> Math.sqrt(squares(x)))
                    .sorted()
                    .toArray();
            if (norms.length == 0) {
                assertThat(hook.normQuantiles()).isEmpty();
                return;
            }
            assertThat(hook.normQuantiles().get("0")).isCloseTo(norms[0], within(1e-12 * norms[0]));
            assertThat(hook.normQuantiles().get("1"))
                    .isCloseTo(norms[norms.length - 1], within(1e-12 * norms[norms.length - 1]));
            for (String q : List.of("0.01", "0.25", "0.5", "0.95")) {
                double exact = norms[(int) Math.floor(Double.parseDouble(q) * (norms.length - 1))];
                assertThat(hook.normQuantiles().get(q)).as(q).isCloseTo(exact, within(exact / 1000 + 1e-37));
            }
        });
    }

    private static void checkVariance(StoreManifest.Hook hook, List<float[]> rows) {
        double n = Math.max(1, rows.size());
        for (int i = 0; i < hook.width(); i++) {
            double mean = 0;
            double meanSquare = 0;
            for (float[] x : rows) {
                mean += x[i] / n;
                meanSquare += (double) x[i] * x[i] / n;
            }
            double variance = 0;
            for (float[] x : rows) {
                variance += (x[i] - mean) * (x[i] - mean) / n;
            }
            assertThat(Objects.requireNonNull(hook.variance())[i])
                    .isCloseTo(variance, within(1e-11 * meanSquare + 1e-300));
        }
    }

    private static double squares(float[] x) {
        double sum = 0;
        for (float v : x) {
            sum += (double) v * v;
        }
        return sum;
    }

    @Test
    void planted_massive_activations_are_found_by_dimension_and_token() {
        // like GPT-2's: thousands at one dimension of the first tokens, the rest of the layer around 1
        Cases.Random random = Cases.random();
        int width = 24;
        StoreSpec spec = TestStores.spec("m", Map.of("h", new StoreSpec.HookSpec(width, Dtype.FLOAT32)));
        double allSquares = 0;
        double massiveSquares = 0;
        int first = 0;
        try (StoreWriter writer = StoreWriter.create(folder.resolve("m"), spec)) {
            for (int shard = 0; shard < 3; shard++) {
                try (ShardBuffer buffer = writer.buffer(6000)) {
                    int document = writer.addDocument("d" + shard, "", 0, false);
                    for (int s = 0; s < 100; s++) {
                        int[] tokens = random.ints(50, 1, 30);
                        tokens[0] = 77;
                        int row = buffer.add(document, tokens);
                        for (int p = 0; p < 50; p++) {
                            float[] x = random.floats(width);
                            if (p == 0) {
                                x[17] = -2480 - 10 * shard;
                                massiveSquares += (double) x[17] * x[17];
                            }
                            if (p == 1) {
                                x[3] = 99; // large, not massive
                            }
                            allSquares += squares(x);
                            buffer.activations("h").setRow(row + p, x);
                        }
                    }
                    writer.write(buffer);
                }
                first += 5000;
            }
            writer.finish();
        }
        StoreManifest.Hook hook = Objects.requireNonNull(
                StoreManifest.read(folder.resolve("m")).hooks().get("h"));
        MassiveActivations massive = Objects.requireNonNull(hook.massive());
        assertThat(massive.entries()).isEqualTo(300);
        assertThat(massive.maxAbs()).isEqualTo(2500);
        assertThat(massive.share()).isCloseTo(massiveSquares / allSquares, within(1e-9));
        assertThat(massive.places()).hasSize(1);
        Place place = massive.places().getFirst();
        assertThat(place.dimension()).isEqualTo(17);
        assertThat(place.token()).isEqualTo(77);
        assertThat(place.count()).isEqualTo(300);
        assertThat(place.position()).isZero();
        assertThat(place.row()).isEqualTo(first - 5000);
    }

    @Test
    void the_number_of_threads_changes_no_digit() {
        Map<String, StoreSpec.HookSpec> hooks = Map.of("h", new StoreSpec.HookSpec(5, Dtype.FLOAT32));
        StoreSpec spec = TestStores.spec("t", hooks);
        int threads = Parallel.threads();
        String[] manifests = new String[2];
        try {
            for (int i = 0; i < 2; i++) {
                Parallel.setThreads(1 + 2 * i);
                Path store = folder.resolve("t" + i).resolve("t");
                try (StoreWriter writer = StoreWriter.create(store, spec);
                        ShardBuffer buffer = writer.buffer(20_000)) {
                    Cases.Random random = Cases.Random.of(5);
                    int document = writer.addDocument("d", "", 0, false);
                    int[] tokens = new int[1000];
                    Arrays.fill(tokens, 1);
                    for (int s = 0; s < 19; s++) {
                        int row = buffer.add(document, tokens);
                        for (int p = 0; p < 1000; p++) {
                            buffer.activations("h").setRow(row + p, random.roughFloats(5));
                        }
                    }
                    writer.write(buffer);
                    writer.finish();
                }
                manifests[i] = StoreManifest.read(store).tree().toString();
            }
        } finally {
            Parallel.setThreads(threads);
        }
        assertThat(manifests[1]).isEqualTo(manifests[0]);
    }
}
