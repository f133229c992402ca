package dev.loupe.kernel;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Threads that share the work of one kernel. A product of a single token takes a tenth of a millisecond, so helpers wait
 * for the next one awake for a moment before they sleep, and the caller works too and needs none of them: on a busy
 * machine nothing waits for a helper that has not begun.
 *
 * <p>One caller at a time has the helpers; others work alone, as does a thread that said {@link #alone}. Tasks must not
 * depend on which thread runs them, so that the number of threads never changes a bit of a result.
 */
public final class Team {
    private static final long AWAKE_NANOS = 60_000;
    private static final ThreadLocal<Boolean> ALONE = ThreadLocal.withInitial(() -> false);
    private static final AtomicBoolean BUSY = new AtomicBoolean();

    private static volatile int threads = Math.max(1, Runtime.getRuntime().availableProcessors());
    private static volatile @Nullable Job current;
    private static Helper[] helpers = new Helper[0]; // only changed by who holds BUSY

    private Team() {}

    /** How many threads work together in a call from this thread. */
    public static int threads() {
        return ALONE.get() ? 1 : threads;
    }

    /** Sets how many threads work together from now on; 0 for all cores. */
    public static void setThreads(int n) {
        threads = n > 0 ? n : Math.max(1, Runtime.getRuntime().availableProcessors());
    }

    /** From now on the calling thread works without helpers: it is one of several streams. */
    public static void alone() {
        ALONE.set(true);
    }

    /** Runs {@code task} for 0 … count − 1 and returns when all are done; the first failure is thrown. */
    public static void run(int count, IntConsumer task) {
        int wanted = Math.min(threads(), count);
        if (wanted <= 1 || !BUSY.compareAndSet(false, true)) {
            for (int i = 0; i < count; i++) {
                task.accept(i);
            }
            return;
        }
        Job job = new Job(count, task);
        try {
            call(job, wanted - 1);
            job.work();
            job.await();
        } finally {
            current = null;
            BUSY.set(false);
        }
        job.rethrow();
    }

    private static void call(Job job, int wanted) {
        if (helpers.length < wanted) {
            Helper[] more = java.util.Arrays.copyOf(helpers, wanted);
            for (int i = helpers.length; i < wanted; i++) {
                more[i] = new Helper(i);
                more[i].start();
            }
            helpers = more;
        }
        job.places.set(wanted);
        current = job;
        for (int i = 0; i < wanted; i++) {
            if (helpers[i].asleep) {
                LockSupport.unpark(helpers[i]);
            }
        }
    }

    /** One run: tasks are taken by number, so late helpers find none left. */
    private static final class Job {
        private final int count;
        private final IntConsumer task;
        private final AtomicInteger places = new AtomicInteger();
        private final AtomicInteger next = new AtomicInteger();
        private final AtomicInteger done = new AtomicInteger();
        private volatile @Nullable Throwable failure;

        Job(int count, IntConsumer task) {
            this.count = count;
            this.task = task;
        }

        void work() {
            for (int i; (i = next.getAndIncrement()) < count; ) {
                try {
                    if (failure == null) {
                        task.accept(i);
                    }
                } catch (Throwable e) {
                    failure = e;
                } finally {
                    done.getAndIncrement();
                }
            }
        }

        /** Every task that was taken is finished when this returns: the caller may free the memory they worked on. */
        void await() {
            for (int spins = 0; done.get() < count; spins++) {
                if (spins < 2000) {
                    Thread.onSpinWait();
                } else {
                    Thread.yield();
                }
            }
        }

        void rethrow() {
            switch (failure) {
                case null -> {}
                case RuntimeException e -> throw e;
                case Error e -> throw e;
                case Throwable e -> throw new IllegalStateException("a parallel task failed", e);
            }
        }
    }

    private static final class Helper extends Thread {
        private volatile boolean asleep;
        private @Nullable Job last;

        Helper(int number) {
            super("kernel-" + number);
            setDaemon(true);
        }

        @Override
        public void run() {
            ALONE.set(true); // a task that calls a kernel gets no helpers
            while (true) {
                Job job = next();
                if (job.places.getAndDecrement() > 0) {
                    job.work();
                }
            }
        }

        private Job next() {
            long begun = System.nanoTime();
            while (true) {
                for (int i = 0; i < 200; i++) {
                    Job job = current;
                    if (job != null && job != last) {
                        last = job;
                        return job;
                    }
                    Thread.onSpinWait();
                }
                if (System.nanoTime() - begun > AWAKE_NANOS) {
                    last = null; // a sleeper keeps no task, and what the task holds, alive
                    asleep = true;
                    if (current == null) {
                        LockSupport.park(this);
                    }
                    asleep = false;
                    begun = System.nanoTime();
                }
            }
        }
    }
}
