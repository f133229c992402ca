package dev.loupe.service;

import dev.loupe.base.Progress;
import java.io.IOException;
import java.io.InputStream;

/**
 * The progress of a child process. The process that started it holds the other end of its standard input: when that ends,
 * however it came to it, nobody waits for the work any more, and the work stops.
 */
public final class AttachedProgress implements Progress {
    /** What a job says that was stopped so. */
    static final String GONE =
            "The server that started this job has ended, and the job with it; start the same work again, finished parts"
                    + " are kept.";

    private static final long PATIENCE_MILLIS = 10_000;

    private final Progress told;
    private volatile boolean gone;

    private AttachedProgress(Progress told) {
        this.told = told;
    }

    /**
     * Watches the other end of a pipe.
     *
     * @param told hears of the work as well
     * @param parent ends when the parent does; nothing in it matters
     * @param late ends the process if the work does not stop within ten seconds
     */
    public static AttachedProgress of(Progress told, InputStream parent, Runnable late) {
        AttachedProgress p = new AttachedProgress(told);
        Thread.ofPlatform().daemon().name("parent-watch").start(() -> p.watch(parent, late));
        return p;
    }

    private void watch(InputStream parent, Runnable late) {
        try {
            while (parent.read() >= 0) {
                // words to a child have no meaning yet
            }
        } catch (IOException broken) {
            // as good as the end
        }
        gone = true;
        try {
            Thread.sleep(PATIENCE_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        late.run();
    }

    /** Whether the parent has ended. */
    boolean gone() {
        return gone;
    }

    @Override
    public void stage(String name, long total, String unit) {
        told.stage(name, total, unit);
    }

    @Override
    public void advance(long done) {
        told.advance(done);
    }

    @Override
    public void metric(String name, long step, double value) {
        told.metric(name, step, value);
    }

    @Override
    public void page(String address) {
        told.page(address);
    }

    @Override
    public void message(String text) {
        told.message(text);
    }

    @Override
    public boolean cancelled() {
        return gone || told.cancelled();
    }
}
