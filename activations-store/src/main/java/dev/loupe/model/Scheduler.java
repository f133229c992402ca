package dev.loupe.model;

import ai.djl.ndarray.NDManager;
import dev.loupe.base.LoupeException;
import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/**
 * Writes all texts of one model in one thread, which begins with the first text and ends when there has been nothing to do
 * for a while. Texts join and leave between tokens (continuous batching: Yu et al., "Orca", OSDI 2022).
 */
final class Scheduler implements AutoCloseable {
    /** Texts that may wait for their turn. */
    static final int MOST_WAITING = 256;

    private static final long PATIENCE_MS = 2_000;

    private final Core core;
    private final Tokenizer tokenizer;
    private final Deque<WritingJob> waiting = new ArrayDeque<>();
    private @Nullable Thread worker;
    private boolean closed;
    private int rows;

    Scheduler(Core core, Tokenizer tokenizer) {
        this.core = core;
        this.tokenizer = tokenizer;
    }

    /** Begins a text; its settings have been checked. */
    Continuation begin(int[] prompt, Sampling sampling, Taps taps) {
        int room = core.spec.config().nCtx() - prompt.length;
        WritingJob job = new WritingJob(prompt, sampling, taps, tokenizer, room);
        if (job.over()) {
            return job;
        }
        synchronized (this) {
            if (closed) {
                throw new IllegalStateException("the model is closed");
            }
            if (Thread.currentThread() == worker) {
                throw new IllegalStateException("an editor cannot write a text with the model that runs it");
            }
            waiting.removeIf(WritingJob::over);
            if (waiting.size() >= MOST_WAITING) {
                throw new BusyException(waiting.size());
            }
            waiting.add(job);
            if (worker == null) {
                worker = Thread.ofPlatform().name("writer").daemon().start(this::work);
            }
            notifyAll();
        }
        return job;
    }

    /** Texts that are being written or wait. */
    synchronized int writing() {
        return rows + (int) waiting.stream().filter(job -> !job.over()).count();
    }

    private void work() {
        try (NDManager manager = core.newManager();
                WritingBatch batch = new WritingBatch(core, manager)) {
            while (more(batch)) {
                try {
                    batch.step();
                } catch (RuntimeException | Error e) {
                    batch.fail(e instanceof RuntimeException r ? r : new LoupeException("The model failed: " + e, e));
                }
            }
        } catch (RuntimeException | Error e) { // not even a manager: nobody would ever answer
            failWaiting(new LoupeException("The model cannot write (" + e + ").", e));
        }
    }

    /** Lets waiting texts join; waits for some if there is nothing to do. False when this thread shall end. */
    private synchronized boolean more(WritingBatch batch) {
        long until = System.nanoTime() + PATIENCE_MS * 1_000_000;
        while (!closed) {
            while (!waiting.isEmpty() && batch.join(waiting.element())) {
                waiting.remove();
            }
            rows = batch.size();
            if (!batch.isEmpty()) {
                return true;
            }
            long left = (until - System.nanoTime()) / 1_000_000;
            if (left <= 0) {
                break;
            }
            try {
                wait(left);
            } catch (InterruptedException e) {
                break; // nobody does that; the thread ends and the next text starts another
            }
        }
        if (closed) {
            RuntimeException end = new IllegalStateException("the model was closed");
            batch.fail(end);
            failWaiting(end);
        }
        worker = null;
        return false;
    }

    private synchronized void failWaiting(RuntimeException cause) {
        worker = null;
        waiting.forEach(job -> job.fail(cause));
        waiting.clear();
    }

    @Override
    public void close() {
        Thread last;
        synchronized (this) {
            closed = true;
            last = worker;
            notifyAll();
        }
        boolean interrupted = false;
        while (last != null && last.isAlive()) { // it uses memory that is freed next
            try {
                last.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
