package dev.loupe.store;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.fixtures.Floats;
import dev.loupe.math.Matrix;
import dev.loupe.store.StoreManifest.DataFile;
import dev.loupe.store.StoreManifest.Shard;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A store of 50 GB: one shard of 25 MB of activations under 2,000 names, by hard links. */
class LargeStoreTest {
    private static final int SHARDS = 2_000;
    private static final int WIDTH = 768;
    private static final int ROWS = 8_192;

    @TempDir
    Path folder;

    @Test
    void a_store_of_fifty_gigabytes_opens_and_gives_rows_behind_its_first_two() throws IOException {
        Path store = folder.resolve("s");
        StoreSpec spec = TestStores.spec("s", Map.of("h", new StoreSpec.HookSpec(WIDTH, Dtype.FLOAT32)));
        try (StoreWriter writer = StoreWriter.create(store, spec);
                ShardBuffer buffer = writer.buffer(ROWS)) {
            int[] tokens = new int[ROWS / 64];
            java.util.Arrays.fill(tokens, 5);
            for (int s = 0; s < 64; s++) {
                int row = buffer.add(writer.addDocument("d" + s, "", 0, false), tokens);
                for (int i = 0; i < tokens.length; i++) {
                    buffer.activations("h").set(row + i, 0, row + i);
                }
            }
            writer.write(buffer);
            writer.finish();
        }
        link(store);
        long before = heap();
        long start = System.nanoTime();
        try (ActivationStore opened = ActivationStore.open(store);
                Arena arena = Arena.ofConfined()) {
            double seconds = (System.nanoTime() - start) / 1e9;
            long used = heap() - before;
            System.out.println("LargeStoreTest: opened " + opened.rows() + " rows in " + seconds + " s, "
                    + used / SHARDS + " bytes of heap a shard");
            assertThat(opened.rows()).isEqualTo((long) SHARDS * ROWS);
            assertThat(4L * WIDTH * opened.rows()).isGreaterThan(50_000_000_000L);
            Matrix rows = Matrix.allocate(arena, 3, WIDTH);
            long last = opened.rows() - 1;
            opened.reader("h").gather(new long[] {last, last / 2, 17}, 0, 3, rows);
            float[] expected = new float[WIDTH];
            expected[0] = last % ROWS;
            Floats.assertIdentical(rows.row(0), expected);
            assertThat(rows.get(1, 0)).isEqualTo(last / 2 % ROWS);
            assertThat(rows.get(2, 0)).isEqualTo(17);
            assertThat(used / SHARDS).as("bytes of heap a shard").isLessThan(40_000);
        }
    }

    private static long heap() {
        System.gc();
        Runtime runtime = Runtime.getRuntime();
        return runtime.totalMemory() - runtime.freeMemory();
    }

    private static void link(Path store) throws IOException {
        StoreManifest manifest = StoreManifest.read(store);
        Shard shard = manifest.content().shards().getFirst();
        List<Shard> shards = new ArrayList<>();
        for (int s = 0; s < SHARDS; s++) {
            Map<String, DataFile> files = new LinkedHashMap<>();
            for (Map.Entry<String, DataFile> entry : shard.files().entrySet()) {
                DataFile file = entry.getValue();
                String name = String.format("%s/shard-%05d.arrow", entry.getKey(), s);
                if (s > 0) {
                    Files.createLink(store.resolve(name), store.resolve(file.file()));
                }
                files.put(
                        entry.getKey(),
                        new DataFile(name, file.bytes(), file.batchRows(), file.frameCrc32c(), file.batchCrc32c()));
            }
            shards.add(new Shard(shard.rows(), shard.sequences(), new LinkedHashMap<>(files)));
        }
        manifest.with(Map.of(
                        "shards", shards,
                        "tokens", (long) SHARDS * ROWS,
                        "train_tokens", (long) SHARDS * ROWS,
                        "sequences", SHARDS * shard.sequences()))
                .write(store);
    }
}
