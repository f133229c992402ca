package dev.loupe.kernel;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Threads that share the work of one kernel. A product of a single token takes a tenth of a millisecond, so helpers wait
 * for the next one awake for a moment before they sleep, and the caller works too and needs none of them: on a busy
 * machine nothing waits for a helper that has not begun. One that lost its core in the middle of a task is waited for, asleep
 * after a moment so that it can have the caller's core; after that callers work alone for a while, since on such a machine
 * the next product would wait again.
 *
 * <p>One caller at a time has the helpers; others work alone, as does a thread that said {@link #alone}. Tasks must not
 * depend on which thread runs them, so that the number of threads never changes a bit of a result.
 */
public final class Team {
    private static final long AWAKE_NANOS = 60_000;
    private static final long YIELD_NANOS = 200_000;
    private static final long PARK_NANOS = 100_000;
    private static final long STALL_NANOS = 1_000_000;
    private static final long REST_NANOS = 20_000_000;
    private static final int MOST_RESTS = 16;
    private static final int REST_STALLS = 4;
    private static final int SMOOTH_RUNS = 50;
    private static final ThreadLocal<Boolean> ALONE = ThreadLocal.withInitial(() -> false);
    private static final AtomicBoolean BUSY = new AtomicBoolean();

    private static volatile int threads = Math.max(1, Runtime.getRuntime().availableProcessors());
    private static volatile @Nullable Job current;
    private static Helper[] helpers = new Helper[0]; // this and what is below are only changed by who holds BUSY
    private static volatile long restUntil = System.nanoTime();
    private static int rests = 1;
    private static int smooth = SMOOTH_RUNS;

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
        if (wanted <= 1 || System.nanoTime() - restUntil < 0 || !BUSY.compareAndSet(false, true)) {
            for (int i = 0; i < count; i++) {
                task.accept(i);
            }
            return;
        }
        Job job = new Job(count, task);
        try {
            call(job, wanted - 1);
            long begun = System.nanoTime();
            int own = job.work();
            long worked = System.nanoTime();
            job.await(worked);
            long waited = System.nanoTime() - worked;
            rest(stalled(waited, worked - begun, own), waited);
        } finally {
            current = null;
            BUSY.set(false);
        }
        job.rethrow();
    }

    /**
     * Whether a helper must have lost its core: it kept the caller waiting much longer than tasks take.
     *
     * @param waited nanoseconds
     * @param worked nanoseconds of the caller's own {@code tasks}
     */
    static boolean stalled(long waited, long worked, int tasks) {
        return waited > STALL_NANOS && tasks > 0 && waited > 4 * (worked / tasks);
    }

    /**
     * After a stall the helpers rest: a few times as long as it lasted, and twice as long as the last time if that was only
     * a few runs ago. So a thread that lost its core once costs little, and a machine that has no core left costs no more
     * than its stalls.
     */
    private static void rest(boolean stalled, long waited) {
        if (!stalled) {
            smooth++;
            return;
        }
        rests = smooth >= SMOOTH_RUNS ? 1 : Math.min(MOST_RESTS, 2 * rests);
        smooth = 0;
        restUntil = System.nanoTime() + rests * Math.min(REST_NANOS, REST_STALLS * waited);
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
        private volatile @Nullable Thread waiting;

        Job(int count, IntConsumer task) {
            this.count = count;
            this.task = task;
        }

        /** Takes tasks until none is left; returns how many it took. */
        int work() {
            int own = 0;
            for (int i; (i = next.getAndIncrement()) < count; own++) {
                try {
                    if (failure == null) {
                        task.accept(i);
                    }
                } catch (Throwable e) {
                    failure = e;
                } finally {
                    if (done.incrementAndGet() == count) {
                        LockSupport.unpark(waiting);
                    }
                }
            }
            return own;
        }

        /** Every task that was taken is finished when this returns: the caller may free the memory they worked on. */
        void await(long since) {
            for (int spins = 0; done.get() < count && spins < 2000; spins++) {
                Thread.onSpinWait();
            }
            while (done.get() < count && System.nanoTime() - since < YIELD_NANOS) {
                Thread.yield();
            }
            waiting = Thread.currentThread();
            while (done.get() < count) {
                LockSupport.parkNanos(this, PARK_NANOS);
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
