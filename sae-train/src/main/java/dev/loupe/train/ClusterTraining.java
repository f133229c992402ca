package dev.loupe.train;

import dev.loupe.base.ArtifactLock;
import dev.loupe.base.AtomicFiles;
import dev.loupe.base.Checksums;
import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.base.TaskExecutor;
import dev.loupe.sae.SaeFiles;
import dev.loupe.store.ActivationStore;
import dev.loupe.store.Shuffle;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Trains SAEs by other processes. Each attempt leaves its SAEs in a folder of its own; this process, which holds the right to
 * write them, gives them their names. Checkpoints are shared, so an attempt goes on where the one before it died.
 */
public final class ClusterTraining {
    private ClusterTraining() {}

    /** Does a task: what another process is asked for. */
    public static TrainGroupTask.Made attempt(TrainGroupTask task, Progress progress) {
        discardOthers(task);
        Path into = AtomicFiles.temporary(attempts(task));
        double seconds = task.tasks().stream()
                .mapToDouble(t -> t.config().checkpointSeconds())
                .min()
                .orElse(0);
        try {
            Files.createDirectories(into);
        } catch (IOException e) {
            throw AtomicFiles.failure(into, e);
        }
        List<TrainGroupTask.One> made =
                TrainGroup.run(rows(task), task.saes(), into, task.tasks(), progress, seconds).stream()
                        .map(o -> new TrainGroupTask.One(
                                o.result(),
                                o.result() == null
                                        ? ""
                                        : checksum(into.resolve(o.task().name())),
                                o.failure()))
                        .toList();
        for (TrainTask t : task.tasks()) {
            Path finished = into.resolve(t.name());
            if (Files.isDirectory(finished)) {
                keepSteps(task.saes().resolve(t.name()), finished);
            }
        }
        return new TrainGroupTask.Made(into, made);
    }

    /**
     * Beside the workspace of a machine's own may lie what a driver left that was killed: the one that asks now has refused other
     * runs in its own workspace, and nobody goes on with those here.
     */
    private static void discardOthers(TrainGroupTask task) {
        for (TrainTask t : task.tasks()) {
            Path file = Checkpoint.file(task.saes(), t.name());
            if (Files.exists(file)) {
                try (TrainingRows rows = TrainingRows.open(TrainGroup.request(t, rows(task)), Progress.silent())) {
                    Checkpoint.discardOther(
                            file, () -> rows.identity(task.saes(), t.config(), t.seed(), t.hook(), t.hookOut()));
                }
            }
        }
    }

    /** Refuses, before any work, to train where the checkpoint of another run lies. */
    private static void refuseOther(TrainTask t, Path storeFolder, Path saesDir) {
        if (Files.exists(Checkpoint.file(saesDir, t.name()))) {
            TrainRequest.Rows stored = new TrainRequest.Rows.Stored(storeFolder, Shuffle.FULL);
            try (TrainingRows rows = TrainingRows.open(TrainGroup.request(t, stored), Progress.silent())) {
                rows.refuseOtherRun(saesDir, t.name(), t.config(), t.seed(), t.hook(), t.hookOut());
            }
        }
    }

    private static void keepSteps(Path folder, Path finished) {
        try {
            KeptSteps.copy(folder, finished);
        } catch (IOException e) {
            throw AtomicFiles.failure(finished, e);
        }
    }

    private static TrainRequest.Rows rows(TrainGroupTask task) {
        return new TrainRequest.Rows.Stored(task.store(), Shuffle.FULL);
    }

    /**
     * Trains tasks of one store; those that are there already are kept.
     *
     * @throws LoupeException if another process writes one of them, or a task failed on every attempt; what was done is kept
     */
    public static List<TrainGroup.Outcome> run(
            Path storeFolder, Path saesDir, List<TrainTask> tasks, TaskExecutor executor, Progress progress) {
        Map<TrainTask, TrainGroup.Outcome> outcomes = new LinkedHashMap<>();
        List<ArtifactLock> locks = new ArrayList<>();
        try (ActivationStore store = ActivationStore.open(storeFolder)) {
            Map<TrainTask.Stream, List<TrainTask>> streams = new LinkedHashMap<>();
            for (TrainTask t : tasks) {
                TrainGroup.check(t, store);
                Path folder = saesDir.resolve(t.name());
                locks.add(ArtifactLock.acquire(folder, "training SAE " + t.name()));
                if (Files.exists(folder)) {
                    TrainJob.Origin origin = TrainJob.Origin.of(store, t.hook(), t.hookOut());
                    TrainResult there = TrainJob.existing(t.config(), t.seed(), folder, origin);
                    outcomes.put(t, new TrainGroup.Outcome(t, there, null));
                } else {
                    refuseOther(t, storeFolder, saesDir);
                    streams.computeIfAbsent(t.stream(), s -> new ArrayList<>()).add(t);
                }
            }
            List<TrainGroupTask> groups = groups(store, storeFolder, saesDir, streams, executor, progress);
            long steps = groups.stream().mapToLong(TrainGroupTask::size).sum();
            progress.stage("train " + tasks.size() + (tasks.size() == 1 ? " SAE" : " SAEs"), steps, "steps");
            executor.run(
                    groups.iterator(),
                    TrainGroupTask.Made.class,
                    ClusterTraining::attempt,
                    (task, made) -> publish(task, made, saesDir, outcomes),
                    progress);
            groups.forEach(g -> AtomicFiles.sweep(attempts(g)));
        } finally {
            locks.forEach(ArtifactLock::close);
        }
        return tasks.stream().map(t -> Objects.requireNonNull(outcomes.get(t))).toList();
    }

    /** Cuts streams into as many groups as can be trained at once, evenly by the cost of a step, and into more where a group would not fit. */
    private static List<TrainGroupTask> groups(
            ActivationStore store,
            Path storeFolder,
            Path saesDir,
            Map<TrainTask.Stream, List<TrainTask>> streams,
            TaskExecutor executor,
            Progress progress) {
        long all = streams.values().stream().mapToLong(List::size).sum();
        int slots = all > 1 ? executor.slotsAtStart(progress) : 1;
        long memory = executor.memoryEach();
        List<TrainGroupTask> groups = new ArrayList<>();
        for (List<TrainTask> stream : streams.values()) {
            int width = TrainGroup.width(stream.getFirst(), store::width);
            int atOnce =
                    (int) Math.clamp(Math.ceilDiv(slots * (long) stream.size(), Math.max(1, all)), 1, stream.size());
            List<List<TrainTask>> cut = cut(stream, atOnce);
            while (cut.size() < stream.size() && !cut.stream().allMatch(part -> fits(part, width, memory))) {
                // by whole rounds: with one group more than machines, all but one would wait for it
                cut = cut(stream, Math.min(stream.size(), cut.size() + atOnce));
            }
            for (List<TrainTask> part : cut) {
                long need = MemoryNeed.bytes(configs(part), width);
                groups.add(new TrainGroupTask(
                        List.copyOf(part), storeFolder.toAbsolutePath(), saesDir.toAbsolutePath(), need));
            }
        }
        return groups;
    }

    private static List<List<TrainTask>> cut(List<TrainTask> stream, int parts) {
        List<List<TrainTask>> cut = new ArrayList<>();
        for (int p = 0; p < parts; p++) {
            List<TrainTask> part = new ArrayList<>();
            for (int i = p; i < stream.size(); i += parts) { // neighbours of a sweep cost about the same
                part.add(stream.get(i));
            }
            cut.add(part);
        }
        return cut;
    }

    /** Whether a process of another machine can step them together; its heap grows as far as that of this one. */
    private static boolean fits(List<TrainTask> part, int width, long memory) {
        return MemoryNeed.fits(
                configs(part), width, memory, Runtime.getRuntime().maxMemory());
    }

    private static List<TrainConfig> configs(List<TrainTask> part) {
        return part.stream().map(TrainTask::config).toList();
    }

    /** What the folders of attempts are named after. */
    private static Path attempts(TrainGroupTask task) {
        return task.saes().resolve(task.tasks().getFirst().name() + ".training");
    }

    private static String checksum(Path sae) {
        return Checksums.sha256(sae.resolve("sae_weights.safetensors"));
    }

    private static void publish(
            TrainGroupTask task, TrainGroupTask.Made made, Path saesDir, Map<TrainTask, TrainGroup.Outcome> outcomes) {
        try {
            for (int i = 0; i < task.tasks().size(); i++) {
                TrainTask t = task.tasks().get(i);
                TrainGroupTask.One one = made.saes().get(i);
                TrainResult result = one.result();
                if (result == null) {
                    outcomes.put(t, new TrainGroup.Outcome(t, null, one.failure()));
                    continue;
                }
                Path attempt = made.folder().resolve(t.name());
                Path folder = saesDir.resolve(t.name());
                if (!SaeFiles.isSae(attempt) || !checksum(attempt).equals(one.weights())) {
                    throw new TaskExecutor.Refused("The SAE " + t.name() + " in " + made.folder()
                            + " is not what a machine said it had written.");
                }
                AtomicFiles.publish(attempt, folder);
                KeptSteps.clear(folder);
                Files.deleteIfExists(Checkpoint.file(saesDir, t.name()));
                outcomes.put(t, new TrainGroup.Outcome(t, result.in(folder), null));
            }
            AtomicFiles.deleteTree(made.folder());
        } catch (IOException e) {
            throw AtomicFiles.failure(saesDir, e);
        }
    }
}
