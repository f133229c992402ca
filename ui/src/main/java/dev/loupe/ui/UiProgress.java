package dev.loupe.ui;

import dev.loupe.base.Progress;
import java.util.concurrent.atomic.AtomicBoolean;

/** Progress of work whose page shows its results as they come: all it adds is a way to stop. */
final class UiProgress implements Progress {
    private final AtomicBoolean stopped = new AtomicBoolean();

    @Override
    public void stage(String name, long total, String unit) {}

    @Override
    public void advance(long done) {}

    @Override
    public boolean cancelled() {
        return stopped.get();
    }

    /** Asks the work to stop. */
    void stop() {
        stopped.set(true);
    }
}
