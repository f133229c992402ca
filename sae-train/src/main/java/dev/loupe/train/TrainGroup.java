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
import java.util.Objects;
import java.util.function.Supplier;
import java.util.function.ToIntFunction;
import org.jspecify.annotations.Nullable;

/**
 * Trains several SAEs together on one stream of batches, at one hook point or at several, on a store or straight from a
 * model. Each ends with the bits that it would have alone. What is there already is kept, what was interrupted goes on from its own checkpoint, and one that fails leaves the others alone.
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
     * Trains tasks that share their {@link TrainTask#data}: the rows of each hook point are read once for all of its SAEs, and
     * a model that gives them makes one pass for all hook points.
     *
     * @throws LoupeException if the store is another one or the memory does not do; nothing was trained then
     * @throws dev.loupe.base.CancelledException if that was asked for; what was done is kept
     */
    public static List<Outcome> run(TrainRequest.Rows rows, Path saesDir, List<TrainTask> tasks, Progress progress) {
        double seconds = tasks.stream()
                .mapToDouble(t -> t.config().checkpointSeconds())
                .min()
                .orElse(0);
        return run(rows, saesDir, saesDir, tasks, progress, seconds);
    }

    /** Trains tasks on all rows of a store in one permutation. */
    public static List<Outcome> run(Path storeFolder, Path saesDir, List<TrainTask> tasks, Progress progress) {
        return run(new TrainRequest.Rows.Stored(storeFolder, Shuffle.FULL), saesDir, tasks, progress);
    }

    /**
     * The same with the finished SAEs put elsewhere.
     *
     * @param saesDir of checkpoints, and of SAEs that others begin with
     * @param into where finished SAEs go
     */
    static List<Outcome> run(
            TrainRequest.Rows from,
            Path saesDir,
            Path into,
            List<TrainTask> tasks,
            Progress progress,
            double checkpointSeconds) {
        if (tasks.stream().map(TrainTask::data).distinct().count() != 1) {
            throw new UsageException("Only trainings on the same batches can be stepped together.");
        }
        try (TrainingRows rows = TrainingRows.open(request(tasks.getFirst(), from), progress)) {
            return run(rows, saesDir, into, tasks, progress, checkpointSeconds);
        }
    }

    /** Trains tasks on rows that are open; they stay so. */
    static List<Outcome> run(
            TrainingRows rows,
            Path saesDir,
            Path into,
            List<TrainTask> tasks,
            Progress progress,
            double checkpointSeconds) {
        Map<TrainTask.Stream, Place> places = new LinkedHashMap<>();
        try {
            for (TrainTask t : tasks) {
                check(t, rows.origin());
                places.computeIfAbsent(t.stream(), s -> new Place(rows, t.hook(), t.hookOut()));
            }
            MemoryNeed.check(tasks.stream()
                    .filter(t -> Files.notExists(into.resolve(t.name())))
                    .map(t -> new MemoryNeed.Run(t.config(), width(t, rows.width())))
                    .toList());
            return run(places, saesDir, into, tasks, progress, checkpointSeconds);
        } finally {
            places.values().forEach(Place::close);
        }
    }

    /** Trains tasks on the rows of one hook point, from anywhere; the sources stay open. */
    static List<Outcome> run(
            BatchSource data,
            BatchSource target,
            TrainJob.Origin origin,
            Path saesDir,
            List<TrainTask> tasks,
            Progress progress,
            double checkpointSeconds) {
        Map<TrainTask.Stream, Place> places = new LinkedHashMap<>();
        tasks.forEach(t -> places.put(t.stream(), new Place(data, target, origin)));
        return run(places, saesDir, saesDir, tasks, progress, checkpointSeconds);
    }

    /** The rows of one hook point; they are opened when a run needs them. */
    private static final class Place {
        private final Supplier<BatchSource> opensData;
        private final @Nullable Supplier<BatchSource> opensTarget;
        private final TrainJob.Origin origin;
        private @Nullable BatchSource data;
        private @Nullable BatchSource target;
        private final boolean closes;

        Place(TrainingRows rows, String hook, String hookOut) {
            opensData = () -> rows.source().apply(hook);
            opensTarget = hookOut.isEmpty() ? null : () -> rows.source().apply(hookOut);
            origin = rows.origin().at(hook, hookOut);
            closes = true;
        }

        Place(BatchSource data, BatchSource target, TrainJob.Origin origin) {
            opensData = () -> data;
            opensTarget = data == target ? null : () -> target;
            this.origin = origin;
            closes = false;
        }

        BatchSource data() {
            if (data == null) {
                data = opensData.get();
            }
            return data;
        }

        BatchSource target() {
            if (target == null) {
                target = opensTarget == null ? data() : opensTarget.get();
            }
            return target;
        }

        void close() {
            if (closes && data != null) {
                data.close();
            }
            if (closes && target != null && target != data) {
                target.close();
            }
        }
    }

    private static List<Outcome> run(
            Map<TrainTask.Stream, Place> places,
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
                Place place = Objects.requireNonNull(places.get(t.stream()));
                locks.add(ArtifactLock.acquire(folder, "training SAE " + t.name()));
                if (Files.exists(folder)) {
                    outcomes.put(
                            t, new Outcome(t, TrainJob.existing(t.config(), t.seed(), folder, place.origin), null));
                } else {
                    runs.put(t, open(t, place, saesDir, checkpointSeconds, progress));
                }
            }
            train(runs, places, into, progress, checkpointSeconds, outcomes);
        } finally {
            runs.values().forEach(SeedRun::close);
            locks.forEach(ArtifactLock::close);
        }
        return tasks.stream().map(outcomes::get).toList();
    }

    private static SeedRun open(TrainTask t, Place place, Path saesDir, double seconds, Progress progress) {
        Path checkpoint = Checkpoint.file(saesDir, t.name());
        SeedRun run = new SeedRun(
                t.config().engine(),
                t.config(),
                t.seed(),
                place.data(),
                place.target(),
                checkpoint,
                seconds,
                InitFrom.of(t.config(), saesDir));
        run.keeping(new KeptSteps(saesDir.resolve(t.name()), t.config(), t.seed(), place.origin));
        run.open(progress);
        return run;
    }

    private static void train(
            Map<TrainTask, SeedRun> runs,
            Map<TrainTask.Stream, Place> places,
            Path into,
            Progress progress,
            double checkpointSeconds,
            Map<TrainTask, Outcome> outcomes) {
        if (runs.isEmpty()) {
            return;
        }
        Map<SeedRun, TrainTask> tasks = new HashMap<>();
        Map<TrainTask.Stream, List<SeedRun>> byPlace = new LinkedHashMap<>();
        runs.forEach((t, r) -> {
            tasks.put(r, t);
            byPlace.computeIfAbsent(t.stream(), s -> new ArrayList<>()).add(r);
        });
        List<SharedStream.Feed> feeds = new ArrayList<>();
        byPlace.forEach((s, r) -> {
            Place place = Objects.requireNonNull(places.get(s));
            feeds.add(new SharedStream.Feed(place.data(), place.target(), r));
        });
        List<String> prefixes = byPlace.values().stream()
                .flatMap(List::stream)
                .map(r -> Objects.requireNonNull(tasks.get(r)).name() + "/")
                .toList();
        long steps =
                runs.keySet().stream().mapToLong(t -> t.config().steps()).max().orElse(0);
        progress.stage(
                "train " + (runs.size() == 1 ? runs.keySet().iterator().next().name() : runs.size() + " SAEs together"),
                steps,
                "steps");
        long begin = System.nanoTime();
        try (SharedStream stream = new SharedStream(feeds, checkpointSeconds)) {
            stream.run(progress, prefixes, r -> {
                TrainTask t = Objects.requireNonNull(tasks.get(r));
                Path folder = into.resolve(t.name());
                TrainJob.Origin origin = Objects.requireNonNull(places.get(t.stream())).origin;
                TrainJob.save(folder, t.config(), t.seed(), origin, r, r.snapshot());
                r.close();
                double seconds = (System.nanoTime() - begin) / 1e9;
                outcomes.put(
                        t, new Outcome(t, TrainJob.result(t.name(), folder, t.config(), t.seed(), r, seconds), null));
            });
            stream.failures().forEach((r, e) -> {
                TrainTask t = Objects.requireNonNull(tasks.get(r));
                outcomes.put(t, new Outcome(t, null, String.valueOf(e.getMessage())));
            });
        }
    }

    /** The order of a task by itself; the rules of a request hold for a task as well. */
    static TrainRequest request(TrainTask task, TrainRequest.Rows rows) {
        return new TrainRequest(
                task.name(), rows, Path.of("."), task.hook(), task.hookOut(), task.config(), List.of(task.seed()));
    }

    /** The larger width of input and output. */
    static int width(TrainTask task, ToIntFunction<String> width) {
        return Math.max(width.applyAsInt(task.hook()), task.hookOut().isEmpty() ? 0 : width.applyAsInt(task.hookOut()));
    }

    static void check(TrainTask task, ActivationStore store) {
        check(task, store.name(), store.fingerprint());
    }

    static void check(TrainTask task, TrainJob.Origin origin) {
        check(task, origin.store(), origin.fingerprint());
    }

    private static void check(TrainTask task, String store, String fingerprint) {
        if (!task.storeFingerprint().isEmpty() && !task.storeFingerprint().equals(fingerprint)) {
            throw new LoupeException("The store " + store + " is not the one that the training task "
                    + task.name() + " was made for: its fingerprint is " + fingerprint + ", not "
                    + task.storeFingerprint() + ".");
        }
        if (Places.several(task.hook()) || Places.several(task.hookOut())) {
            throw new UsageException("A training task has one hook point (a transcoder one of either kind);"
                    + " crosscoders and transcoder sets over several are trained with loupe train.");
        }
        request(task, new TrainRequest.Rows.Stored(Path.of("."), Shuffle.FULL));
    }
}
