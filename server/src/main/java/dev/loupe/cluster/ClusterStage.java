package dev.loupe.cluster;

import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.base.Task;
import dev.loupe.base.TaskExecutor.Refused;
import dev.loupe.base.WorkspaceJson;
import dev.loupe.cluster.spark.Wire;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.function.BiConsumer;
import java.util.function.ObjLongConsumer;
import java.util.function.ToLongFunction;

/** Tasks of one kind under way on a cluster: what came of each, and those that have to be made again. */
final class ClusterStage<T extends Task<R>, R> {
    /** How often a task is given out anew whose result was no good. */
    private static final int AGAIN = 2;

    private final Class<R> results;
    private final BiConsumer<T, R> done;
    private final ToLongFunction<T> numbers;
    private final ObjLongConsumer<T> send;
    private final WorkspaceJson paths;
    private final Progress progress;
    private final Map<Long, T> inFlight = new HashMap<>();
    private final Map<Long, Integer> refused = new HashMap<>();
    private final TaskEvents events;

    /**
     * Nothing under way.
     *
     * @param numbers the number that a task gets; refuses what no machine can do
     * @param send gives a task out under its number
     */
    ClusterStage(
            Class<R> results,
            BiConsumer<T, R> done,
            ToLongFunction<T> numbers,
            ObjLongConsumer<T> send,
            WorkspaceJson paths,
            Progress progress) {
        this.results = results;
        this.done = done;
        this.numbers = numbers;
        this.send = send;
        this.paths = paths;
        this.progress = progress;
        this.events = new TaskEvents(progress);
    }

    /** How many are under way. */
    int size() {
        return inFlight.size();
    }

    void give(T task) {
        long number = numbers.applyAsLong(task);
        inFlight.put(number, task);
        send.accept(task, number);
    }

    /** Whether a frame is about a task of this stage. */
    boolean take(Wire.Frame frame) {
        T task = inFlight.get(frame.task());
        if (task == null) {
            return false;
        }
        switch (frame.kind()) {
            case Wire.EVENT -> events.take(frame.task(), task.size(), frame.text());
            case Wire.RESULT -> {
                result(frame.task(), task, paths.mapper().readValue(frame.text(), results));
            }
            case Wire.FAILED -> throw new LoupeException(frame.text());
            case Wire.LOST ->
                throw new LoupeException(task.title() + " failed on every attempt: " + SparkLog.lost(frame.text())
                        + ". Finished parts are kept: run the same command again.");
            default -> {
                return false;
            }
        }
        return true;
    }

    private void result(long number, T task, R result) {
        try {
            done.accept(task, result);
        } catch (Refused e) {
            if (refused.merge(number, 1, Integer::sum) > AGAIN) {
                throw new LoupeException(
                        Objects.requireNonNullElse(e.getMessage(), task.title() + " gave a damaged result."), e);
            }
            progress.message(e.getMessage() + " It is made again.");
            send.accept(task, number);
            return;
        }
        inFlight.remove(number);
        events.done(number, task.size());
    }
}
