package dev.loupe.train;

import dev.loupe.capture.LiveBatches;
import dev.loupe.math.Matrix;

/** The rows of one hook point straight from a model; the stream stays open. */
final class LiveSource implements BatchSource {
    private final LiveBatches stream;
    private final String hook;
    private final int batch;

    LiveSource(LiveBatches stream, String hook, int batch) {
        this.stream = stream;
        this.hook = hook;
        this.batch = batch;
    }

    @Override
    public int width() {
        return stream.width(hook);
    }

    @Override
    public void batch(long step, Matrix target) {
        stream.batch(hook, step, batch, target);
    }

    @Override
    public float[] mean() {
        return stream.mean(hook);
    }

    @Override
    public double meanSquaredNorm() {
        return stream.meanSquaredNorm(hook);
    }

    @Override
    public double meanNorm() {
        return stream.meanNorm(hook);
    }

    @Override
    public String fingerprint() {
        return stream.fingerprint() + "/" + hook;
    }

    @Override
    public void close() {}
}
