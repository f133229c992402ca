package dev.loupe.base;

import java.util.Iterator;
import java.util.function.BiConsumer;
import java.util.function.BiFunction;

/** Where independent pieces of work are done: in this process, or by the machines of a cluster. */
public interface TaskExecutor {
    /**
     * What this process would do for a task itself.
     *
     * @param <T> the kind of task
     * @param <R> its result
     */
    @FunctionalInterface
    interface Work<T extends Task<R>, R> extends BiFunction<T, Progress, R> {}

    /**
     * Does tasks of one kind. They are asked for when there is room for them, so that a long list need not be in memory;
     * results come in any order, one at a time, on the calling thread. The stage must have been begun; its advance is the
     * sum of the sizes of what is done.
     *
     * @param results the type of the results
     * @param here does one in this process
     * @param done takes a result; one that it refuses with {@link Refused} is made again
     * @throws LoupeException with the reason of the first task that failed for good; results that came before were taken
     * @throws CancelledException if the progress was cancelled
     */
    <T extends Task<R>, R> void run(
            Iterator<T> tasks, Class<R> results, Work<T, R> here, BiConsumer<T, R> done, Progress progress);

    /** Whether tasks are done by other processes. */
    boolean remote();

    /** How many tasks can be under way at once. */
    int slots();

    /**
     * The same once the machines are there that come at the start: what work is cut by that cannot be cut again later. May wait
     * some seconds.
     */
    default int slotsAtStart(Progress progress) {
        return slots();
    }

    /** Bytes of memory that a task can have wherever it is done; {@link Long#MAX_VALUE} if nobody knows. */
    default long memoryEach() {
        return Long.MAX_VALUE;
    }

    /** A result that is no good, such as a file that was damaged after it was written. */
    final class Refused extends RuntimeException {
        private static final long serialVersionUID = 1;

        /** Says why, in a sentence. */
        public Refused(String sentence) {
            super(sentence);
        }
    }

    /** Does everything in this process, one task after the other, each on all cores. */
    static TaskExecutor local() {
        return LocalTasks.INSTANCE;
    }
}
