package dev.loupe.capture;

import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.model.HookPoint;
import dev.loupe.model.LanguageModel;
import dev.loupe.store.ShardBuffer;
import dev.loupe.store.ShardFiles;
import dev.loupe.store.ShardWorker;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Does capture tasks with one model, one after the other; keeps memory from one to the next while the store is the same. */
public final class ShardCapture implements AutoCloseable {
    private final LanguageModel model;
    private @Nullable Path store;
    private @Nullable ShardWorker worker;

    /** With a model that stays open. */
    public ShardCapture(LanguageModel model) {
        this.model = model;
    }

    /**
     * Runs the model over the sequences of a shard and writes their activations.
     *
     * @throws LoupeException if the model is not the one that the store is made with, or the store is no longer in the making
     */
    public ShardFiles run(CaptureShardTask task, Progress progress) {
        ShardWorker w = worker;
        if (w == null || !task.store().equals(store) || !w.fits(task.plan())) {
            close();
            w = new ShardWorker(task.store());
            worker = w;
            store = task.store();
        }
        if (!w.spec().model().weightsChecksum().equals(model.weightsChecksum())) {
            throw new LoupeException("The model " + task.model() + " has other weights on this machine than where the"
                    + " capture was started: give both the same files.");
        }
        ShardBuffer buffer = w.open(task.plan());
        List<HookPoint> hooks =
                w.spec().hooks().keySet().stream().map(HookPoint::of).toList();
        new ForwardPass(model, hooks, task.batchTokens(), progress).fill(buffer, 0);
        return w.write();
    }

    @Override
    public void close() {
        ShardWorker w = worker;
        if (w != null) {
            w.close();
            worker = null;
        }
    }
}
