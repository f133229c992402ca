package dev.loupe.bench;

import dev.loupe.math.Matrix;
import dev.loupe.store.ActivationStore;
import dev.loupe.store.BatchPrefetcher;
import dev.loupe.store.BatchStream;
import dev.loupe.store.Dtype;
import dev.loupe.store.Shuffle;
import java.nio.file.Path;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Shuffled training batches of a store, as training gets them, against SAELens' loader of cached activations on the same
 * rows (a mixing buffer of 64 sequences' rows, half of them kept). Ours is a full random permutation.
 */
final class StoreLoaderBench implements Benchmark {
    private static final int ROWS = 131_072;
    private static final int BATCH = 4096;
    private static final int BATCHES = 300;

    private @Nullable ActivationStore store;
    private @Nullable BatchPrefetcher ahead;
    private long step;

    @Override
    public String name() {
        return "store-loader";
    }

    @Override
    public String setting() {
        return BATCHES + " shuffled batches of " + BATCH + " rows of " + ROWS + " x " + StoreData.WIDTH
                + " float32 in the page cache; orders differ, so answers are not compared";
    }

    @Override
    public String unit() {
        return "rows/s";
    }

    @Override
    public double tolerance() {
        return Double.POSITIVE_INFINITY;
    }

    @Override
    public void prepare(Path folder) throws Exception {
        float[][] base = StoreData.base();
        NpyFile.write(folder.resolve("rows.npy"), ROWS, StoreData.WIDTH, r -> StoreData.row(base, r));
        ActivationStore opened = ActivationStore.open(StoreData.write(folder.resolve("store"), ROWS, Dtype.FLOAT32));
        store = opened;
        ahead = new BatchPrefetcher(new BatchStream(opened, StoreData.HOOK, Shuffle.FULL, 0, BATCH), 0);
    }

    @Override
    public Measured run() {
        BatchPrefetcher batches = Objects.requireNonNull(ahead);
        double answer = 0;
        long start = System.nanoTime();
        for (int b = 0; b < BATCHES; b++) {
            Matrix batch = batches.next(step++);
            answer += batch.get(b, b);
        }
        return new Measured((double) BATCHES * BATCH, (System.nanoTime() - start) / 1e9, answer);
    }

    @Override
    public void close() {
        if (ahead != null) {
            ahead.close();
        }
        if (store != null) {
            store.close();
        }
    }
}
