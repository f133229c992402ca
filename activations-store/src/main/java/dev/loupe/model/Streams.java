package dev.loupe.model;

import dev.loupe.kernel.Team;
import dev.loupe.tensor.Torch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Several passes of a model at once, each on one core. Where many batches wait, that is faster than one pass after the
 * other on all cores: most operations of a small model are too short to be worth dividing (docs/decisions.md).
 */
public final class Streams {
    private Streams() {}

    /**
     * Runs {@code task} for 0 … count − 1, as many at a time as the tensor library has threads, and returns when all are
     * done; the first failure is thrown and nothing more is begun. Tasks must not depend on one another's order.
     */
    public static void run(int count, IntConsumer task) {
        if (count <= 1) {
            for (int i = 0; i < count; i++) {
                task.accept(i);
            }
            return;
        }
        Torch.offline();
        int threads = Torch.threads();
        AtomicInteger next = new AtomicInteger();
        AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
        Thread[] workers = new Thread[Math.min(count, threads)];
        for (int w = 0; w < workers.length; w++) {
            workers[w] = Thread.ofPlatform().name("model-stream-" + w).daemon().start(() -> {
                try {
                    Torch.setThreads(1);
                    Team.alone();
                    for (int i; (i = next.getAndIncrement()) < count; ) {
                        task.accept(i);
                    }
                } catch (Throwable e) {
                    failure.compareAndSet(null, e);
                    next.set(count);
                }
            });
        }
        join(workers, next, count);
        Torch.setThreads(threads); // for threads that begin to compute from now on
        switch (failure.get()) {
            case null -> {}
            case RuntimeException e -> throw e;
            case Error e -> throw e;
            case Throwable e -> throw new IllegalStateException("a pass of the model failed", e);
        }
    }

    /** Waits for all; a stream works on memory that the caller frees, so none is left running. */
    private static void join(Thread[] workers, AtomicInteger next, int count) {
        boolean interrupted = false;
        for (Thread worker : workers) {
            while (worker.isAlive()) {
                try {
                    worker.join();
                } catch (InterruptedException e) {
                    interrupted = true;
                    next.set(count);
                }
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
            throw new dev.loupe.base.CancelledException();
        }
    }
}
