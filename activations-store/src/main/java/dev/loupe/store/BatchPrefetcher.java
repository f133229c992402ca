package dev.loupe.store;

import dev.loupe.math.Matrix;
import dev.loupe.math.Parallel;
import java.lang.foreign.Arena;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Gathers the batches to come on a background thread while the current one is worked on, and, in orders that read whole
 * record batches, has a second thread read ahead from disk. A user who has to wait fills pieces of the batch as well: no
 * core idles, and threads need not be woken for every batch. One user at a time; close it before the store.
 */
public final class BatchPrefetcher implements AutoCloseable {
    private static final int READY = 2; // batches; one more is being filled and one is with the user

    private final BatchStream stream;
    private final Arena arena = Arena.ofShared();
    private final Matrix[] ring = new Matrix[READY + 2];
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final Thread[] threads;

    // all guarded by the lock
    private long wanted; // the step that the user asks for next
    private long filled; // steps before this one are ready or being filled
    private long filling = -1; // the step that is being filled
    private @Nullable SharedFill fill; // its pieces
    private long begun; // first step of the current run of consecutive steps
    private @Nullable Throwable failure;
    private boolean closed;

    /** Begins with the batch of a step. */
    public BatchPrefetcher(BatchStream stream, long firstStep) {
        this.stream = stream;
        for (int i = 0; i < ring.length; i++) {
            ring[i] = Matrix.allocate(arena, stream.batchRows(), stream.width());
        }
        wanted = firstStep;
        filled = firstStep;
        begun = firstStep;
        threads = new Thread[] {
            Thread.ofPlatform().name("batch-prefetch").daemon().start(() -> guarded(this::fill)),
            Thread.ofPlatform().name("store-read-ahead").daemon().start(() -> guarded(this::readAhead)),
        };
    }

    /**
     * The batch of a step, {@code [batchRows, width]}. The memory is the caller's to read and change until the next call.
     * Consecutive steps are ready sooner; any other is gathered anew.
     *
     * @throws dev.loupe.base.LoupeException if a record batch does not have its checksum
     */
    public Matrix next(long step) {
        lock.lock();
        try {
            if (step != wanted) {
                wanted = step;
                begun = step;
                filled = step;
                changed.signalAll();
            }
            while (filled <= step || filling == step && !done(fill)) {
                rethrow();
                SharedFill open = fill;
                if (open != null && open.open()) {
                    help(open);
                } else {
                    changed.awaitUninterruptibly();
                }
            }
            rethrow();
            if (filling == step && fill != null) {
                fill.rethrow(); // before the other thread has said so
            }
            wanted = step + 1;
            changed.signalAll();
            return slot(step);
        } finally {
            lock.unlock();
        }
    }

    private static boolean done(@Nullable SharedFill fill) {
        return fill != null && fill.done();
    }

    /** Works on a batch with the lock released. */
    private void help(SharedFill open) {
        lock.unlock();
        try {
            open.work();
            open.spin();
        } finally {
            lock.lock();
        }
    }

    private Matrix slot(long step) {
        return ring[(int) (step % ring.length)];
    }

    private void fill() throws InterruptedException {
        long[] rowIds = new long[stream.batchRows()];
        while (true) {
            long step;
            lock.lock();
            try {
                // the batch before the wanted one is still with the user
                while (!closed && filled >= wanted + READY) {
                    changed.await();
                }
                if (closed) {
                    return;
                }
                step = filled++;
                filling = step;
            } finally {
                lock.unlock();
            }
            SharedFill pieces = new SharedFill(stream.pieces(step, slot(step), rowIds), this::filled);
            lock.lock();
            try {
                fill = pieces;
                changed.signalAll();
            } finally {
                lock.unlock();
            }
            // the user is the last of the threads: waiting, it helps; working, it needs its core
            Parallel.run(Math.max(1, Parallel.threads() - 1), _ -> pieces.work());
            pieces.spin();
            lock.lock();
            try {
                while (!pieces.done()) {
                    changed.await();
                }
                pieces.rethrow();
                fill = null;
                filling = -1;
                changed.signalAll();
            } finally {
                lock.unlock();
            }
        }
    }

    /** The last piece of a batch is there. */
    private void filled() {
        lock.lock();
        try {
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** Keeps one group ahead of the user. */
    private void readAhead() throws InterruptedException {
        long run = -1;
        long next = 0; // the step whose group is to be read
        long allowed = 0; // it may be read once the user is here
        while (true) {
            lock.lock();
            try {
                while (!closed && run == begun && wanted < allowed) {
                    changed.await();
                }
                if (closed) {
                    return;
                }
                if (run != begun) {
                    run = begun;
                    next = begun;
                    allowed = begun;
                }
            } finally {
                lock.unlock();
            }
            long end = stream.readAhead(next);
            if (end < 0) {
                return;
            }
            allowed = next;
            next = end;
        }
    }

    private interface Task {
        void run() throws InterruptedException;
    }

    private void guarded(Task task) {
        Throwable problem = null;
        try {
            task.run();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (RuntimeException | Error e) {
            problem = e;
        }
        if (problem != null) {
            lock.lock();
            try {
                failure = failure == null ? problem : failure;
                filling = -1;
                changed.signalAll();
            } finally {
                lock.unlock();
            }
        }
    }

    private void rethrow() {
        switch (failure) {
            case null -> {}
            case RuntimeException e -> throw e;
            case Error e -> throw e;
            case Throwable e -> throw new IllegalStateException("reading a batch failed", e);
        }
    }

    @Override
    public void close() {
        lock.lock();
        try {
            closed = true;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        boolean interrupted = false;
        for (Thread thread : threads) {
            while (thread.isAlive()) { // they work on memory that is freed below
                try {
                    thread.join();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        arena.close();
    }
}
