package dev.loupe.train;

import dev.loupe.math.Matrix;
import dev.loupe.store.ActivationStore;
import dev.loupe.store.BatchPrefetcher;
import dev.loupe.store.BatchStream;
import dev.loupe.store.Shuffle;
import org.jspecify.annotations.Nullable;

/** The training rows of one hook point of an activation store, which stays open; held-out rows never appear. */
final class StoreSource implements BatchSource {
    private final ActivationStore store;
    private final String hook;
    private final BatchStream stream;
    private final long[] rowIds;
    private @Nullable BatchPrefetcher ahead;

    StoreSource(ActivationStore store, String hook, Shuffle shuffle, long dataSeed, int batch) {
        this.store = store;
        this.hook = hook;
        this.stream = new BatchStream(store, hook, shuffle, dataSeed, batch);
        this.rowIds = new long[batch];
    }

    @Override
    public int width() {
        return stream.width();
    }

    @Override
    public void batch(long step, Matrix target) {
        stream.batch(step, target, rowIds);
    }

    @Override
    public Matrix rows(long step, Matrix buffer) {
        BatchPrefetcher running = ahead;
        if (running == null) {
            running = new BatchPrefetcher(stream, step);
            ahead = running;
        }
        return running.next(step);
    }

    @Override
    public float[] mean() {
        return store.mean(hook);
    }

    @Override
    public double meanSquaredNorm() {
        return store.meanSquaredNorm(hook);
    }

    @Override
    public double meanNorm() {
        return store.meanNorm(hook);
    }

    @Override
    public String fingerprint() {
        return store.fingerprint() + "/" + hook + "/" + stream.description();
    }

    @Override
    public void close() {
        if (ahead != null) {
            ahead.close();
        }
    }
}
