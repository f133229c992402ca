package dev.loupe.model;

import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * Who computes with a model's memory. Kernels read mapped weights by address: memory that went away under a pass would end
 * the process, so that the end waits for passes that run, and passes that come later are refused.
 */
final class ModelUse {
    private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock();
    private boolean ended;

    /** A pass that runs; closed by the thread that began it. */
    interface Lease extends AutoCloseable {
        @Override
        void close();
    }

    /**
     * Begins a pass.
     *
     * @throws IllegalStateException if the model was closed
     */
    Lease begin() {
        lock.readLock().lock();
        if (ended) {
            lock.readLock().unlock();
            throw new IllegalStateException("the model was closed while it was needed");
        }
        return lock.readLock()::unlock;
    }

    /** Waits for the passes that run, then frees the memory; a second call does nothing. */
    void end(Runnable free) {
        lock.writeLock().lock();
        try {
            if (!ended) {
                ended = true;
                free.run();
            }
        } finally {
            lock.writeLock().unlock();
        }
    }
}
