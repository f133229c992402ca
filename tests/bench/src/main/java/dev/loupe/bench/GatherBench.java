package dev.loupe.bench;

import dev.loupe.fixtures.Cases;
import dev.loupe.math.Matrix;
import dev.loupe.store.ActivationStore;
import dev.loupe.store.Dtype;
import dev.loupe.store.RowReader;
import dev.loupe.store.ShardBuffer;
import dev.loupe.store.StoreManifest;
import dev.loupe.store.StoreSpec;
import dev.loupe.store.StoreWriter;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Random rows of a store into a batch, as training does; the peer indexes a memory-mapped NumPy array. */
final class GatherBench implements Benchmark {
    private static final int ROWS = 200_000;
    private static final int WIDTH = 192;
    private static final int BATCH = 1024;
    private static final int BATCHES = 100;
    private static final int SEQUENCE = 250;
    private static final String HOOK = "blocks.3.hook_resid_post";

    private final long[] rows = new long[BATCH * BATCHES];
    private final Arena arena = Arena.ofShared();
    private final Matrix batch = Matrix.allocate(arena, BATCH, WIDTH);
    private @Nullable ActivationStore store;

    @Override
    public String name() {
        return "gather";
    }

    @Override
    public String setting() {
        return BATCHES + " batches of " + BATCH + " random rows of " + ROWS + " x " + WIDTH + " float32, files in the"
                + " page cache, one thread";
    }

    @Override
    public String unit() {
        return "rows/s";
    }

    @Override
    public double tolerance() {
        return 1e-5;
    }

    @Override
    public void prepare(Path folder) throws Exception {
        Cases.Random random = Cases.Random.of(1);
        float[][] values = random.matrix(ROWS, WIDTH);
        NpyFile.write(folder.resolve("rows.npy"), values);
        Map<String, StoreSpec.HookSpec> hooks = Map.of(HOOK, new StoreSpec.HookSpec(WIDTH, Dtype.FLOAT32));
        StoreSpec spec = new StoreSpec(
                "bench",
                new StoreManifest.Model("bench", "none", "none", "raw"),
                new StoreManifest.Sequence(SEQUENCE, false, "bench", List.of()),
                new StoreManifest.Corpus("bench", "bench", "text", "bench", "none", "none"),
                0,
                new LinkedHashMap<>(hooks),
                Map.of());
        Path target = folder.resolve("store");
        try (StoreWriter writer = StoreWriter.create(target, spec)) {
            int[] tokens = new int[SEQUENCE];
            java.util.Arrays.fill(tokens, 1);
            int row = 0;
            while (row < ROWS) {
                try (ShardBuffer buffer = writer.buffer(ROWS / 4)) {
                    while (buffer.rows() + SEQUENCE <= buffer.capacity() && row < ROWS) {
                        int first = buffer.add(writer.addDocument("d" + row, "", 0, false), tokens);
                        for (int i = 0; i < SEQUENCE; i++, row++) {
                            buffer.activations(HOOK).setRow(first + i, values[row]);
                        }
                    }
                    writer.write(buffer);
                }
            }
            writer.finish();
        }
        for (int i = 0; i < rows.length; i++) {
            rows[i] = random.nextInt(ROWS);
        }
        NpyFile.write(folder.resolve("ids.npy"), rows);
        store = ActivationStore.open(target);
    }

    @Override
    public Measured run() {
        RowReader reader = Objects.requireNonNull(store).reader(HOOK);
        double answer = 0;
        long start = System.nanoTime();
        for (int b = 0; b < BATCHES; b++) {
            reader.gather(rows, b * BATCH, BATCH, batch);
            answer += batch.get(b, b);
        }
        return new Measured(rows.length, (System.nanoTime() - start) / 1e9, answer);
    }

    @Override
    public void close() {
        if (store != null) {
            store.close();
        }
        arena.close();
    }
}
