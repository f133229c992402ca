package dev.loupe.train;

import dev.loupe.base.ArtifactLock;
import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.store.ActivationStore;
import dev.loupe.store.Shuffle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Trains several SAEs together on one stream of batches. Each ends with the bits that it would have alone. What is there
 * already is kept, what was interrupted goes on from its own checkpoint, and one that fails leaves the others alone.
 */
public final class TrainGroup {

    private TrainGroup() {}

    /**
     * How a task ended.
     *
     * @param task the task
     * @param result what it gave; null if it failed
     * @param failure why it failed, in a sentence; null if it did not
     */
    public record Outcome(
            TrainTask task,
            @Nullable TrainResult result,
            @Nullable String failure) {}

    /**
     * Trains tasks that share their {@link TrainTask#stream}.
     *
     * @throws LoupeException if the store is another one or the memory does not do; nothing was trained then
     * @throws dev.loupe.base.CancelledException if that was asked for; what was done is kept
     */
    public static List<Outcome> run(Path storeFolder, Path saesDir, List<TrainTask> tasks, Progress progress) {
        double seconds = tasks.stream()
                .mapToDouble(t -> t.config().checkpointSeconds())
                .min()
                .orElse(0);
        return run(storeFolder, saesDir, tasks, progress, seconds);
    }

    static List<Outcome> run(
            Path storeFolder, Path saesDir, List<TrainTask> tasks, Progress progress, double checkpointSeconds) {
        return run(storeFolder, saesDir, saesDir, tasks, progress, checkpointSeconds);
    }

    /**
     * The same with the finished SAEs put elsewhere.
     *
     * @param saesDir of checkpoints, and of SAEs that others begin with
     * @param into where finished SAEs go
     */
    static List<Outcome> run(
            Path storeFolder,
            Path saesDir,
            Path into,
            List<TrainTask> tasks,
            Progress progress,
            double checkpointSeconds) {
        if (tasks.stream().map(TrainTask::stream).distinct().count() != 1) {
            throw new UsageException("Only trainings on the same batches can be stepped together.");
        }
        TrainTask first = tasks.getFirst();
        try (ActivationStore store = ActivationStore.open(storeFolder)) {
            tasks.forEach(t -> check(t, store));
            MemoryNeed.check(tasks.stream().map(TrainTask::config).toList(), width(first, store));
            TrainJob.Origin origin = TrainJob.Origin.of(store, first.hook(), first.hookOut());
            try (BatchSource data = source(first, store, first.hook());
                    BatchSource other = first.hookOut().isEmpty() ? null : source(first, store, first.hookOut())) {
                return run(
                        data, other == null ? data : other, origin, saesDir, into, tasks, progress, checkpointSeconds);
            }
        }
    }

    static List<Outcome> run(
            BatchSource data,
            BatchSource target,
            TrainJob.Origin origin,
            Path saesDir,
            List<TrainTask> tasks,
            Progress progress,
            double checkpointSeconds) {
        return run(data, target, origin, saesDir, saesDir, tasks, progress, checkpointSeconds);
    }

    private static List<Outcome> run(
            BatchSource data,
            BatchSource target,
            TrainJob.Origin origin,
            Path saesDir,
            Path into,
            List<TrainTask> tasks,
            Progress progress,
            double checkpointSeconds) {
        Map<TrainTask, Outcome> outcomes = new LinkedHashMap<>();
        Map<TrainTask, SeedRun> runs = new LinkedHashMap<>();
        List<ArtifactLock> locks = new ArrayList<>();
        try {
            for (TrainTask t : tasks) {
                Path folder = into.resolve(t.name());
                locks.add(ArtifactLock.acquire(folder, "training SAE " + t.name()));
                if (Files.exists(folder)) {
                    outcomes.put(t, new Outcome(t, TrainJob.existing(t.config(), t.seed(), folder, origin), null));
                } else {
                    runs.put(t, open(t, data, target, origin, saesDir, checkpointSeconds, progress));
                }
            }
            train(runs, data, target, origin, into, progress, checkpointSeconds, outcomes);
        } finally {
            runs.values().forEach(SeedRun::close);
            locks.forEach(ArtifactLock::close);
        }
        return tasks.stream().map(outcomes::get).toList();
    }

    private static SeedRun open(
            TrainTask t,
            BatchSource data,
            BatchSource target,
            TrainJob.Origin origin,
            Path saesDir,
            double seconds,
            Progress progress) {
        Path checkpoint = Checkpoint.file(saesDir, t.name());
        SeedRun run = new SeedRun(
                t.config().engine(),
                t.config(),
                t.seed(),
                data,
                target,
                checkpoint,
                seconds,
                InitFrom.of(t.config(), saesDir));
        run.keeping(new KeptSteps(saesDir.resolve(t.name()), t.config(), t.seed(), origin));
        run.open(progress);
        return run;
    }

    private static void train(
            Map<TrainTask, SeedRun> runs,
            BatchSource data,
            BatchSource target,
            TrainJob.Origin origin,
            Path into,
            Progress progress,
            double checkpointSeconds,
            Map<TrainTask, Outcome> outcomes) {
        if (runs.isEmpty()) {
            return;
        }
        Map<SeedRun, TrainTask> tasks = new HashMap<>();
        runs.forEach((t, r) -> tasks.put(r, t));
        long steps =
                runs.keySet().stream().mapToLong(t -> t.config().steps()).max().orElse(0);
        progress.stage(
                "train " + (runs.size() == 1 ? runs.keySet().iterator().next().name() : runs.size() + " SAEs together"),
                steps,
                "steps");
        long begin = System.nanoTime();
        try (SharedStream stream = new SharedStream(data, target, List.copyOf(runs.values()), checkpointSeconds)) {
            stream.run(progress, runs.keySet().stream().map(t -> t.name() + "/").toList(), r -> {
                TrainTask t = java.util.Objects.requireNonNull(tasks.get(r));
                Path folder = into.resolve(t.name());
                TrainJob.save(folder, t.config(), t.seed(), origin, r, r.snapshot());
                r.close();
                double seconds = (System.nanoTime() - begin) / 1e9;
                outcomes.put(
                        t, new Outcome(t, TrainJob.result(t.name(), folder, t.config(), t.seed(), r, seconds), null));
            });
            stream.failures().forEach((r, e) -> {
                TrainTask t = java.util.Objects.requireNonNull(tasks.get(r));
                outcomes.put(t, new Outcome(t, null, String.valueOf(e.getMessage())));
            });
        }
    }

    static BatchSource source(TrainTask task, ActivationStore store, String hook) {
        return new StoreSource(
                store,
                hook,
                Shuffle.FULL,
                task.config().dataSeed(),
                task.config().batch());
    }

    /** The larger width of input and output. */
    static int width(TrainTask task, ActivationStore store) {
        return Math.max(store.width(task.hook()), task.hookOut().isEmpty() ? 0 : store.width(task.hookOut()));
    }

    static void check(TrainTask task, ActivationStore store) {
        if (!task.storeFingerprint().isEmpty() && !task.storeFingerprint().equals(store.fingerprint())) {
            throw new LoupeException("The store " + store.name() + " is not the one that the training task "
                    + task.name() + " was made for: its fingerprint is " + store.fingerprint() + ", not "
                    + task.storeFingerprint() + ".");
        }
        if (Places.several(task.hook()) || Places.several(task.hookOut())) {
            throw new UsageException(
                    "A sweep trains at one hook point; crosscoders and transcoder sets over several are"
                            + " trained with loupe train.");
        }
        // the rules of a request hold for a task as well
        new TrainRequest(
                task.name(),
                new TrainRequest.Rows.Stored(Path.of("."), Shuffle.FULL),
                Path.of("."),
                task.hook(),
                task.hookOut(),
                task.config(),
                List.of(task.seed()));
    }
}
