package dev.loupe.train;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.loupe.base.Fmt;
import dev.loupe.base.FreeSpace;
import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.engine.AdamRule;
import dev.loupe.engine.TrainSession;
import dev.loupe.engine.TrainState;
import dev.loupe.math.Matrix;
import dev.loupe.math.VectorOps;
import dev.loupe.store.ActivationStore;
import dev.loupe.store.Shuffle;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToIntFunction;

/**
 * What training many SAEs will take. Tasks on the same batches are stepped together, as many at a time as fit into the
 * memory; the rest follows in further passes.
 *
 * @param passes names of the SAEs of each pass
 * @param kept SAEs that are there already; they are in no pass
 * @param seconds about how long all passes will take, from steps that were taken and thrown away
 * @param memoryBytes of the largest pass
 * @param diskBytes of the SAEs and of the checkpoints on the way
 */
public record SweepPlan(
        List<List<String>> passes,
        List<String> kept,
        double seconds,
        @JsonProperty("memory_bytes") long memoryBytes,
        @JsonProperty("disk_bytes") long diskBytes) {

    /** How long steps of one configuration are tried. */
    private static final long TRIAL_NANOS = 500_000_000L;

    /** Settings that do not change what a step computes. */
    private static final List<String> FREE = List.of(
            "recipe",
            "steps",
            "learning_rate",
            "beta1",
            "beta2",
            "epsilon",
            "learning_rate_warmup",
            "learning_rate_decay",
            "learning_rate_shape",
            "learning_rate_start",
            "sparsity_warmup",
            "dead_window",
            "threshold_decay",
            "decoder_bias",
            "checkpoint_minutes",
            "keep_every",
            "data_seed");

    /** How long the first configuration is stepped before anything is timed: compilation is not part of a run. */
    private static final long WARM_NANOS = 2_000_000_000L;

    /**
     * Plans a sweep on all rows of a store.
     *
     * @throws LoupeException if one of the SAEs does not fit into memory by itself, or the disk is too small
     */
    public static SweepPlan of(Path storeFolder, Path saesDir, List<TrainTask> tasks, Progress progress) {
        return of(new TrainRequest.Rows.Stored(storeFolder, Shuffle.FULL), saesDir, tasks, progress);
    }

    /**
     * Plans, refusing what cannot be done. Where rows come straight from a model, its passes over the first block are part of
     * the trial.
     *
     * @throws LoupeException if one of the SAEs does not fit into memory by itself, or the disk is too small
     */
    public static SweepPlan of(TrainRequest.Rows from, Path saesDir, List<TrainTask> tasks, Progress progress) {
        List<String> kept = new ArrayList<>();
        Map<TrainTask.Data, List<TrainTask>> missing = new LinkedHashMap<>();
        for (TrainTask t : tasks) {
            if (Files.exists(saesDir.resolve(t.name()))) {
                kept.add(t.name());
            } else {
                missing.computeIfAbsent(t.data(), s -> new ArrayList<>()).add(t);
            }
        }
        try (TrainingRows rows = TrainingRows.open(TrainGroup.request(tasks.getFirst(), from), progress)) {
            List<List<TrainTask>> passes = new ArrayList<>();
            for (TrainTask t : tasks) {
                TrainGroup.check(t, rows.origin());
                MemoryNeed.check(t.config(), TrainGroup.width(t, rows.width()));
                if (!kept.contains(t.name())) {
                    rows.refuseOtherRun(saesDir, t.name(), t.config(), t.seed(), t.hook(), t.hookOut());
                }
            }
            missing.values().forEach(s -> passes.addAll(passes(s, rows.width())));
            long memory = 0;
            long weights = 0;
            long checkpoints = 0;
            for (List<TrainTask> pass : passes) {
                List<MemoryNeed.Run> runs = runs(pass, rows.width());
                memory = Math.max(memory, MemoryNeed.bytes(runs));
                long here = runs.stream()
                        .mapToLong(r -> 2L * Float.BYTES * r.config().dSae() * r.width())
                        .sum();
                weights += here;
                checkpoints = Math.max(checkpoints, 3 * here);
            }
            long disk = weights + checkpoints;
            enoughDisk(saesDir, disk);
            double seconds = seconds(passes, rows, progress);
            return new SweepPlan(
                    passes.stream()
                            .map(p -> p.stream().map(TrainTask::name).toList())
                            .toList(),
                    kept,
                    seconds,
                    memory,
                    disk);
        }
    }

    private static List<MemoryNeed.Run> runs(List<TrainTask> tasks, ToIntFunction<String> width) {
        return tasks.stream()
                .map(t -> new MemoryNeed.Run(t.config(), TrainGroup.width(t, width)))
                .toList();
    }

    /**
     * What training on other machines will take; how long is theirs to say.
     *
     * @throws LoupeException if a task cannot be done, or the disk is too small
     */
    public static SweepPlan elsewhere(Path storeFolder, Path saesDir, List<TrainTask> tasks) {
        try (ActivationStore store = ActivationStore.open(storeFolder)) {
            List<String> kept = new ArrayList<>();
            List<String> rest = new ArrayList<>();
            long memory = 0;
            long weights = 0;
            for (TrainTask t : tasks) {
                TrainGroup.check(t, store);
                int d = TrainGroup.width(t, store::width);
                if (Files.exists(saesDir.resolve(t.name()))) {
                    kept.add(t.name());
                } else {
                    rest.add(t.name());
                    memory = Math.max(memory, MemoryNeed.bytes(List.of(t.config()), d));
                    weights += 2L * Float.BYTES * t.config().dSae() * d;
                }
            }
            enoughDisk(saesDir, 4 * weights); // with checkpoints
            return new SweepPlan(rest.isEmpty() ? List.of() : List.of(rest), kept, 0, memory, 4 * weights);
        }
    }

    /** Tasks on the same rows, as many together as fit. */
    private static List<List<TrainTask>> passes(List<TrainTask> tasks, ToIntFunction<String> width) {
        List<List<TrainTask>> passes = new ArrayList<>();
        for (TrainTask t : tasks) {
            List<TrainTask> with = new ArrayList<>();
            if (!passes.isEmpty()) {
                with.addAll(passes.getLast());
            }
            with.add(t);
            if (passes.isEmpty() || !MemoryNeed.fits(runs(with, width))) {
                passes.add(new ArrayList<>());
            }
            passes.getLast().add(t);
        }
        return passes;
    }

    private static void enoughDisk(Path saesDir, long bytes) {
        try {
            Files.createDirectories(saesDir);
            long free = FreeSpace.of(saesDir);
            if (free < bytes) {
                throw new LoupeException("The SAEs and their checkpoints need " + Fmt.bytes(bytes) + ", but only "
                        + Fmt.bytes(free) + " are free in " + saesDir
                        + ": choose smaller widths, fewer seeds, or another workspace.");
            }
        } catch (IOException e) {
            throw new LoupeException("The folder " + saesDir + " cannot be used (" + e.getMessage() + ").", e);
        }
    }

    private static double seconds(List<List<TrainTask>> passes, TrainingRows rows, Progress progress) {
        Map<String, Double> known = new HashMap<>();
        List<TrainTask> all = passes.stream().flatMap(List::stream).toList();
        progress.stage("try steps", all.size(), "SAEs");
        double seconds = 0;
        int done = 0;
        if (!all.isEmpty()) {
            trial(all.getFirst(), rows, WARM_NANOS);
        }
        for (TrainTask t : all) {
            progress.check();
            TrainConfig c = t.config();
            String kind = TrainGroup.width(t, rows.width()) + "|" + t.data() + "|"
                    + t.hookOut().isEmpty() + "|" + kind(c);
            seconds += c.steps() * known.computeIfAbsent(kind, k -> trial(t, rows, TRIAL_NANOS));
            progress.advance(++done);
        }
        double row = rows.secondsPerRow().getAsDouble(); // known by now: trials began with passes of the model
        for (List<TrainTask> pass : passes) {
            seconds += row
                    * pass.stream().mapToLong(t -> t.config().tokens()).max().orElse(0);
        }
        return seconds;
    }

    /** What of the settings the time of a step depends on: all but lengths and rates. */
    static String kind(TrainConfig c) {
        Map<String, Object> settings = c.settings();
        settings.keySet().removeAll(FREE);
        settings.put("aux", c.aux() > 0);
        settings.put("clip", c.clip() > 0);
        settings.put("average", c.average() > 0);
        return settings.toString();
    }

    /** Seconds of a step: the fastest of those that fit into the time of a trial, so that warming up does not count. */
    private static double trial(TrainTask t, TrainingRows rows, long nanos) {
        TrainConfig c = t.config();
        try (BatchSource data = rows.source().apply(t.hook());
                BatchSource other = t.hookOut().isEmpty() ? null : rows.source().apply(t.hookOut());
                Arena arena = Arena.ofShared()) {
            BatchSource target = other == null ? data : other;
            double scale = SeedRun.factor(c, data);
            double scaleOut = other == null ? scale : SeedRun.factor(c, other);
            Matrix input = batch(data, c, scale, arena);
            Matrix wanted = other == null ? input : batch(other, c, scaleOut, arena);
            Objective objective = Objective.of(c, data.width());
            TrainState start = Initializer.initial(c, data, target, scale, scaleOut, t.seed());
            objective.begin(start.parameters());
            AdamRule adam = new AdamRule(c.learningRate(), c.beta1(), c.beta2(), c.epsilon());
            try (TrainSession session = c.engine().open(start)) {
                double best = Double.MAX_VALUE;
                long begin = System.nanoTime();
                for (int s = 0; s < 3 || System.nanoTime() - begin < nanos; s++) {
                    long at = System.nanoTime();
                    objective.observe(
                            s,
                            session.step(input, wanted, objective.rule(s, adam).build()));
                    best = Math.min(best, (System.nanoTime() - at) / 1e9);
                }
                return best;
            }
        }
    }

    private static Matrix batch(BatchSource source, TrainConfig c, double scale, Arena arena) {
        Matrix m = Matrix.allocate(arena, c.batch(), source.width());
        source.batch(0, m);
        for (long r = 0; r < m.rows(); r++) {
            VectorOps.scale((float) scale, m.segment(), m.offset(r), m.cols());
        }
        return m;
    }
}
