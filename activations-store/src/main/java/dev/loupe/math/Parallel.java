package dev.loupe.math;

import java.util.concurrent.ExecutionException;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.ForkJoinTask;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntConsumer;

/**
 * Runs numbered tasks on all cores. Tasks are handed out dynamically, so a result must not depend on which thread runs
 * which task: reductions are kept per task and added in task order, and then the number of threads never changes a bit
 * of the result.
 */
public final class Parallel {
    private static volatile int threads = Math.max(1, Runtime.getRuntime().availableProcessors());
    private static volatile ForkJoinPool pool = new ForkJoinPool(threads);

    private Parallel() {}

    /** How many threads work. */
    public static int threads() {
        return threads;
    }

    /** Sets how many threads work from now on ({@code --threads}); at least one. */
    public static synchronized void setThreads(int n) {
        int wanted = Math.max(1, n);
        if (wanted != threads) {
            ForkJoinPool old = pool;
            threads = wanted;
            pool = new ForkJoinPool(wanted);
            old.shutdown();
        }
    }

    /** Runs {@code task} for 0 … count − 1 and returns when all are done; the first failure is thrown. */
    public static void run(int count, IntConsumer task) {
        int workers = Math.min(threads, count);
        if (workers <= 1) {
            for (int i = 0; i < count; i++) {
                task.accept(i);
            }
            return;
        }
        AtomicInteger next = new AtomicInteger();
        Runnable body = () -> {
            for (int i; (i = next.getAndIncrement()) < count; ) {
                task.accept(i);
            }
        };
        ForkJoinPool current = pool;
        ForkJoinTask<?>[] helpers = new ForkJoinTask<?>[workers - 1];
        for (int w = 0; w < helpers.length; w++) {
            helpers[w] = current.submit(body);
        }
        RuntimeException failure = null;
        try {
            body.run(); // the caller works as well
        } catch (RuntimeException e) {
            next.set(count);
            failure = e;
        }
        for (ForkJoinTask<?> helper : helpers) {
            try {
                helper.get();
            } catch (ExecutionException e) {
                next.set(count);
                failure = failure != null ? failure : asRuntime(e.getCause());
            } catch (InterruptedException e) {
                next.set(count);
                helper.quietlyJoin(); // the task works on memory that the caller frees: never leave it running
                Thread.currentThread().interrupt();
                failure = failure != null ? failure : new dev.loupe.base.CancelledException();
            }
        }
        if (failure != null) {
            throw failure;
        }
    }

    private static RuntimeException asRuntime(@org.jspecify.annotations.Nullable Throwable cause) {
        return cause instanceof RuntimeException e ? e : new IllegalStateException("a parallel task failed", cause);
    }
}
