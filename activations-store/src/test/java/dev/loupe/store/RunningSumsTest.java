package dev.loupe.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import dev.loupe.fixtures.Cases;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Shards come in any order, some twice, and the writer is stopped in between; the digits stay those of one pass in order. */
class RunningSumsTest {
    private static final int WIDTH = 3;
    private static final StoreSpec SPEC =
            TestStores.spec("s", Map.of("a", new StoreSpec.HookSpec(WIDTH, Dtype.FLOAT32)));

    @TempDir
    Path folder;

    private static HookSums sums(Cases.Random random) {
        double[] sum = new double[WIDTH];
        double[] squares = new double[WIDTH];
        for (int i = 0; i < WIDTH; i++) {
            sum[i] = 1e3 * (random.nextFloat() - 0.5);
            squares[i] = 1e6 * random.nextFloat();
        }
        double[] norms = {1 + random.nextFloat(), 2 + random.nextFloat()};
        return new HookSums(
                2, sum, squares, squares[0], norms[0], NormHistogram.of(norms, 0, 2), MassiveActivations.Part.NONE);
    }

    @Test
    void theDigitsAreThoseOfOnePassWhateverHappens() {
        int[] cases = {0};
        Cases.check(8, random -> {
            Path own = Files.createDirectories(folder.resolve("case-" + cases[0]++));
            int shards = random.nextInt(1, 3 * RunningSums.EVERY);
            List<HookSums> all = new ArrayList<>();
            HookSums expected = HookSums.zero(WIDTH);
            for (int s = 0; s < shards; s++) {
                all.add(sums(random));
                expected = expected.plus(all.get(s));
            }
            List<Integer> order =
                    new ArrayList<>(IntStream.range(0, shards).boxed().toList());
            for (int s = 0; s + 8 < shards; s += 8) { // about as far apart as machines finish
                Collections.shuffle(order.subList(s, s + 8), new java.util.Random(random.nextInt(1_000_000)));
            }
            Set<Integer> committed = new HashSet<>();
            RunningSums running = RunningSums.open(own, SPEC);
            for (int shard : order) {
                running.add(shard, Map.of("a", all.get(shard)));
                committed.add(shard);
                if (random.nextInt(12) == 0) { // the writer dies
                    running = RunningSums.open(own, SPEC);
                    for (int c : committed) {
                        assertThat(running.recall(c)).isTrue();
                    }
                }
                if (random.nextInt(12) == 0) { // a damaged shard is made again
                    running.add(shard, Map.of("a", all.get(shard)));
                }
            }
            assertThat(Json.line(running.of(shards))).isEqualTo(Json.line(Map.of("a", expected)));
            assertThat(files(own)).hasSizeLessThanOrEqualTo(RunningSums.EVERY + 1);
            RunningSums.clear(own);
            assertThat(files(own)).isEmpty();
        });
    }

    @Test
    void whatIsMissingOrDamagedWasNeverAdded() throws IOException {
        Cases.Random random = Cases.random();
        RunningSums running = RunningSums.open(folder, SPEC);
        for (int s = 0; s < 5; s++) {
            running.add(s, Map.of("a", sums(random)));
        }
        Files.delete(folder.resolve("sums-00001.json"));
        Files.writeString(folder.resolve("sums-00003.json"), "{");
        Files.writeString(folder.resolve("sums.json"), "{");
        RunningSums again = RunningSums.open(folder, SPEC);
        assertThat(IntStream.range(0, 5).filter(again::recall).boxed()).containsExactly(0, 2, 4);
        assertThatThrownBy(() -> again.of(5))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("delete that folder");
    }

    private static List<String> files(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(f -> f.getFileName().toString()).toList();
        }
    }
}
