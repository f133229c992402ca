package dev.loupe.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.LoupeException;
import dev.loupe.fixtures.Cases;
import dev.loupe.fixtures.Floats;
import dev.loupe.math.Matrix;
import dev.loupe.math.Permutation;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BatchStreamTest {
    private static final Map<String, StoreSpec.HookSpec> HOOKS = Map.of("h", new StoreSpec.HookSpec(5, Dtype.FLOAT32));

    @TempDir
    Path folder;

    @Test
    void a_permutation_meets_everything_once() {
        Cases.check(200, random -> {
            int n = random.index() == 0 ? 1 : random.nextInt(1, 3000);
            Permutation order = new Permutation(n, random.nextLong(), random.nextInt(5));
            boolean[] met = new boolean[n];
            for (int i = 0; i < n; i++) {
                int at = (int) order.at(i);
                assertThat(met[at]).isFalse();
                met[at] = true;
            }
        });
    }

    @Test
    void a_permutation_looks_random() {
        // neighbours end far apart: the correlation of (i, at(i)) and of consecutive values is that of chance
        int n = 100_000;
        for (long seed = 0; seed < 5; seed++) {
            Permutation order = new Permutation(n, seed, 0);
            double place = 0;
            double next = 0;
            for (int i = 0; i + 1 < n; i++) {
                double a = order.at(i) / (double) n - 0.5;
                place += a * (i / (double) n - 0.5);
                next += a * (order.at(i + 1) / (double) n - 0.5);
            }
            // each product of two uniforms has standard deviation 1/12; four of them for the sum
            assertThat(Math.abs(place)).isLessThan(4 * Math.sqrt(n) / 12);
            assertThat(Math.abs(next)).isLessThan(4 * Math.sqrt(n) / 12);
        }
    }

    @Test
    void every_epoch_meets_every_training_row_once_in_a_new_order_and_no_held_out_row() {
        Cases.check(30, random -> {
            TestStores.Expected e = TestStores.random(random, random.nextInt(2, 12), HOOKS);
            e.heldOut.set(0, false);
            Path path = folder.resolve("s" + random.index());
            TestStores.write(path, TestStores.spec("s" + random.index(), HOOKS), e);
            try (ActivationStore store = ActivationStore.open(path);
                    Arena arena = Arena.ofConfined()) {
                int batch = random.nextInt(1, 70);
                int n = (int) store.trainRows();
                Shuffle shuffle = random.oneOf(Shuffle.values());
                BatchStream stream = new BatchStream(store, "h", shuffle, 3, batch);
                int steps = (2 * n + batch - 1) / batch;
                long[] all = new long[steps * batch];
                Matrix rows = Matrix.allocate(arena, batch, 5);
                long[] ids = new long[batch];
                // steps in any order give the same: the stream has no state
                for (int step : random.permutation(steps)) {
                    stream.batch(step, rows, ids);
                    System.arraycopy(ids, 0, all, step * batch, batch);
                    for (int i = 0; i < batch; i++) {
                        Floats.assertIdentical(
                                rows.row(i), e.activations.get("h").get((int) ids[i]));
                    }
                }
                long[] first = Arrays.copyOfRange(all, 0, n);
                long[] second = Arrays.copyOfRange(all, n, 2 * n);
                Set<Long> train = new HashSet<>();
                Arrays.stream(store.trainRowIds().toArray()).forEach(train::add);
                for (long[] epoch : new long[][] {first, second}) {
                    Set<Long> met = new HashSet<>();
                    Arrays.stream(epoch).forEach(met::add);
                    assertThat(met).isEqualTo(train);
                }
                if (n > 20) {
                    assertThat(first).isNotEqualTo(second);
                    long[] other = new long[batch];
                    new BatchStream(store, "h", shuffle, 4, batch).rowIds(0, other);
                    stream.rowIds(0, ids);
                    assertThat(batch < 20 || !Arrays.equals(other, ids)).isTrue();
                }
            }
        });
    }

    @Test
    void block_shuffle_takes_whole_record_batches_and_mixes_the_rows_of_a_group() {
        // 40 blocks of 4,096 rows, every tenth row of the store missing from the set
        RowSet.Builder builder = new RowSet.Builder();
        long[] starts = new long[41];
        for (int b = 0; b <= 40; b++) {
            starts[b] = 4096L * b;
        }
        for (long row = 0; row < starts[40]; row += 10) {
            builder.add(row, Math.min(9, starts[40] - row));
        }
        RowSet rows = builder.build();
        BlockOrder order = new BlockOrder(rows, starts, 5);
        for (long epoch : new long[] {0, 1, 7}) {
            BlockOrder.Plan plan = order.epoch(epoch);
            boolean[] met = new boolean[(int) rows.size()];
            for (int group = 0; group < plan.groups(); group++) {
                long first = group == 0 ? 0 : plan.end(group - 1);
                if (group + 1 < plan.groups()) {
                    assertThat(plan.end(group) - first).isGreaterThanOrEqualTo(BlockOrder.GROUP_ROWS);
                }
                Set<Long> blocks = new HashSet<>();
                long neighbours = 0;
                for (long place = first; place < plan.end(group); place++) {
                    long at = plan.at(place);
                    assertThat(met[(int) at]).isFalse();
                    met[(int) at] = true;
                    blocks.add(rows.get(at) / 4096);
                    neighbours += place > first && Math.abs(at - plan.at(place - 1)) == 1 ? 1 : 0;
                }
                assertThat(blocks.size()).isEqualTo(plan.blocks(group).length); // nothing else is read
                assertThat(neighbours).isLessThan(30); // two in rows.size() pairs by chance, times group size
            }
            for (boolean one : met) {
                assertThat(one).isTrue();
            }
        }
        assertThat(order.epoch(0).at(0)).isNotEqualTo(order.epoch(1).at(0));
    }

    @Test
    void prefetched_batches_are_those_of_the_stream_wherever_one_jumps() {
        Cases.check(12, random -> {
            TestStores.Expected e = TestStores.random(random, 20, HOOKS);
            e.heldOut.set(0, false);
            Path path = folder.resolve("p" + random.index());
            TestStores.write(path, TestStores.spec("p" + random.index(), HOOKS), e);
            int batch = random.nextInt(1, 300);
            try (ActivationStore store = ActivationStore.open(path);
                    Arena arena = Arena.ofConfined()) {
                BatchStream stream = new BatchStream(store, "h", random.oneOf(Shuffle.values()), 3, batch);
                Matrix expected = Matrix.allocate(arena, batch, 5);
                long[] ids = new long[batch];
                long step = random.nextInt(3);
                try (BatchPrefetcher ahead = new BatchPrefetcher(stream, step)) {
                    for (int i = 0; i < 40; i++) {
                        stream.batch(step, expected, ids);
                        Matrix got = ahead.next(step);
                        for (int r = 0; r < batch; r++) {
                            Floats.assertIdentical(got.row(r), expected.row(r));
                        }
                        got.segment().fill((byte) 7); // the memory is ours
                        step = random.nextInt(8) == 0 ? random.nextInt(50) : step + 1;
                    }
                }
            }
        });
    }

    @Test
    void damage_met_by_the_prefetching_thread_reaches_the_user() throws IOException {
        TestStores.Expected e = TestStores.random(Cases.Random.of(8), 20, HOOKS);
        e.heldOut.set(0, false);
        TestStores.write(folder.resolve("s"), TestStores.spec("s", HOOKS), e);
        try (RandomAccessFile file =
                new RandomAccessFile(folder.resolve("s/h/shard-00000.arrow").toFile(), "rw")) {
            file.seek(file.length() / 2);
            int old = file.read();
            file.seek(file.length() / 2);
            file.write(old ^ 1);
        }
        try (ActivationStore store = ActivationStore.open(folder.resolve("s"))) {
            for (Shuffle shuffle : Shuffle.values()) {
                try (BatchPrefetcher ahead =
                        new BatchPrefetcher(new BatchStream(store, "h", shuffle, 0, (int) store.trainRows()), 0)) {
                    assertThatThrownBy(() -> ahead.next(0))
                            .isInstanceOf(LoupeException.class)
                            .hasMessageContaining("checksum");
                }
            }
        }
    }

    @Test
    void a_store_of_held_out_rows_only_is_refused() {
        TestStores.Expected e = TestStores.random(Cases.Random.of(5), 3, HOOKS);
        Collections.fill(e.heldOut, true);
        TestStores.write(folder.resolve("s"), TestStores.spec("s", HOOKS), e);
        try (ActivationStore store = ActivationStore.open(folder.resolve("s"))) {
            assertThatThrownBy(() -> new BatchStream(store, "h", 0, 4))
                    .isInstanceOf(LoupeException.class)
                    .hasMessageContaining("no training row");
        }
    }
}
