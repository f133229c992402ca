package dev.loupe.service;

import dev.loupe.base.ArtifactLock;
import dev.loupe.base.Fmt;
import dev.loupe.base.LoupeException;
import dev.loupe.base.Names;
import dev.loupe.base.NotFoundException;
import dev.loupe.base.ProcessMemory;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.base.VersionedJson;
import dev.loupe.cluster.Executors;
import dev.loupe.eval.SaeReport;
import dev.loupe.store.ActivationStore;
import dev.loupe.train.SweepPlan;
import dev.loupe.train.TrainConfig;
import dev.loupe.train.TrainDevice;
import dev.loupe.train.TrainGroup;
import dev.loupe.train.TrainRequest;
import dev.loupe.train.TrainResult;
import dev.loupe.train.TrainTask;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Sweeps: many SAEs trained together on one stream of rows, at one hook point or several, of a store or straight from a model.
 * Each run is a {@link TrainTask} in the sweep's folder. What is finished
 * is kept and what was interrupted goes on, so the same order again completes a sweep that stopped.
 */
public final class Sweeps {
    /** The file of a sweep in its folder. */
    public static final String FILE = "sweep.json";

    private final Workspace workspace;
    private final Stores stores;
    private final Trainings trainings;
    private final Evaluations evaluations;

    private final Executors executors;

    Sweeps(Workspace workspace, Stores stores, Trainings trainings, Evaluations evaluations, Executors executors) {
        this.workspace = workspace;
        this.stores = stores;
        this.trainings = trainings;
        this.evaluations = evaluations;
        this.executors = executors;
    }

    /** Names of finished sweeps. */
    public List<String> list() {
        return Workspace.named(workspace.sweeps(), FILE);
    }

    /**
     * A finished sweep.
     *
     * @throws NotFoundException if there is none of this name
     */
    public SweepResult get(String name) {
        Path file = workspace.sweeps().resolve(Names.check(name)).resolve(FILE);
        if (!Files.isRegularFile(file)) {
            throw new NotFoundException("There is no sweep \"" + name + "\"; run loupe sweep FILE.yaml.");
        }
        return VersionedJson.read(file, "sweep " + name, SweepResult.class);
    }

    /** Every run of a sweep as a task; refuses what cannot be trained before any work. */
    public List<TrainTask> tasks(SweepSpec spec) {
        spec.checkSparsity();
        List<SweepPlace> places = places(spec);
        String fingerprint = "";
        if (spec.live() == null) {
            try (ActivationStore store = stores.open(spec.store())) {
                fingerprint = store.fingerprint();
            }
        }
        List<TrainTask> tasks = new ArrayList<>();
        for (SweepSpec.Cell c : spec.cells(places)) {
            TrainRequest r = trainings.request(spec.training(c));
            tasks.add(new TrainTask(r.name(), spec.store(), fingerprint, r.hook(), r.hookOut(), r.config(), c.seed()));
        }
        if (tasks.stream().map(TrainTask::name).distinct().count() != tasks.size()) {
            throw new UsageException("Two SAEs of the sweep would have the same name: a value is varied twice.");
        }
        return tasks;
    }

    private List<SweepPlace> places(SweepSpec spec) {
        List<String> known = trainings.hooks(spec.store(), spec.live());
        String hook = spec.hook() == null && known.size() == 1 ? known.getFirst() : spec.hook();
        return SweepPlace.of(hook, spec.hookOut(), known);
    }

    /** What all SAEs of a sweep are trained on: one stream for all of its hook points, whichever of them are left to train. */
    private TrainRequest.Rows source(SweepSpec spec) {
        List<SweepPlace> places = places(spec);
        String in = String.join(",", places.stream().map(SweepPlace::hook).toList());
        String out = String.join(",", places.stream().map(SweepPlace::hookOut).toList());
        return trainings.rows(
                TrainSpec.of(spec.name(), spec.store(), spec.arch().getFirst(), 1)
                        .hook(in)
                        .hookOut(spec.hookOut() == null ? null : out)
                        .live(spec.live())
                        .build());
    }

    static String only(ActivationStore store) {
        if (store.hooks().size() != 1) {
            throw new UsageException("The store " + store.name() + " has several hook points: choose one of "
                    + String.join(", ", store.hooks()) + ".");
        }
        return store.hooks().getFirst();
    }

    /**
     * What a sweep will take.
     *
     * @throws LoupeException if an SAE of it does not fit into this machine, saying what to lower
     */
    public SweepPlan plan(SweepSpec spec, Progress progress) {
        if (!executors.remote()) {
            return SweepPlan.of(source(spec), workspace.saes(), tasks(spec), progress);
        }
        if (spec.live() != null) {
            throw new UsageException("A cluster trains on the rows of a store: capture one first, or leave --on out.");
        }
        trainings.fetch(spec.store(), progress);
        return SweepPlan.elsewhere(stores.folder(spec.store()), workspace.saes(), tasks(spec));
    }

    /** Does one task of a sweep by itself: on the cluster, if there is one. */
    public TrainResult run(TrainTask task, Progress progress) {
        Path store = stores.folder(task.store());
        List<TrainTask> one = List.of(task);
        TrainGroup.Outcome o = (executors.remote()
                        ? trainings.elsewhere(store, one, progress)
                        : TrainGroup.run(store, workspace.saes(), one, progress))
                .getFirst();
        if (o.result() == null) {
            throw new LoupeException(String.valueOf(o.failure()));
        }
        return o.result();
    }

    /** Runs a sweep and saves it as {@code sweeps/NAME/sweep.json}. */
    public SweepResult run(SweepSpec spec, Progress progress) {
        long begin = System.nanoTime();
        trainings.fetch(spec.live(), progress);
        trainings.fetch(spec.store(), progress);
        List<TrainTask> tasks = tasks(spec);
        Path folder = workspace.sweeps().resolve(spec.name());
        VersionedJson.checkReplaceable(folder.resolve(FILE), "sweep " + spec.name());
        try (ArtifactLock lock = ArtifactLock.acquire(folder, "sweep " + spec.name())) {
            SweepPlan plan = plan(spec, progress);
            progress.message(sentence(plan));
            SweepPlan first = SweepBegun.plan(folder, spec, plan);
            for (TrainTask t :
                    spec.live() == null ? tasks : List.<TrainTask>of()) { // else the model would run anew for each
                VersionedJson.write(
                        folder.resolve("tasks").resolve(t.name() + ".json"),
                        "task " + t.name(),
                        Map.of("kind", "train-task", "request", t));
            }
            Map<String, TrainGroup.Outcome> outcomes = new HashMap<>();
            double trainSeconds = train(spec, plan, tasks, outcomes, progress);
            List<String> notes = new ArrayList<>();
            List<SweepResult.Row> rows = rows(spec, outcomes, notes, progress);
            long tokens = outcomes.values().stream()
                    .map(TrainGroup.Outcome::result)
                    .mapToLong(r -> r == null ? 0 : r.tokens())
                    .sum();
            SweepResult result = new SweepResult(
                    SweepResult.FORMAT,
                    spec,
                    tasks.getFirst().storeFingerprint(),
                    first,
                    rows,
                    notes,
                    (System.nanoTime() - begin) / 1e9,
                    tokens > 0 ? tokens / trainSeconds : 0,
                    ProcessMemory.peakBytes(),
                    Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
            VersionedJson.write(folder.resolve(FILE), "sweep " + spec.name(), result);
            SweepBegun.end(folder);
            return result;
        }
    }

    /** A plan in a sentence. */
    public static String sentence(SweepPlan plan) {
        int runs = plan.passes().stream().mapToInt(List::size).sum();
        if (runs == 0) {
            return "All " + plan.kept().size() + " SAEs are there already.";
        }
        return runs + (runs == 1 ? " SAE" : " SAEs") + " to train in "
                + plan.passes().size()
                + (plan.passes().size() == 1 ? " pass" : " passes") + " over the data, "
                + (plan.seconds() > 0
                        ? "about " + Fmt.duration(Duration.ofMillis((long) (1000 * plan.seconds()))) + ", "
                        : "")
                + Fmt.bytes(plan.memoryBytes()) + (TrainDevice.onGpu() ? " of GPU memory, " : " of memory, ")
                + Fmt.bytes(plan.diskBytes()) + " on disk"
                + (plan.kept().isEmpty() ? "." : "; " + plan.kept().size() + " are there already.");
    }

    private double train(
            SweepSpec spec,
            SweepPlan plan,
            List<TrainTask> tasks,
            Map<String, TrainGroup.Outcome> outcomes,
            Progress progress) {
        if (executors.remote()) {
            long start = System.nanoTime();
            trainings
                    .elsewhere(stores.folder(spec.store()), tasks, progress)
                    .forEach(o -> outcomes.put(o.task().name(), o));
            return (System.nanoTime() - start) / 1e9;
        }
        Map<String, TrainTask> byName = new HashMap<>();
        tasks.forEach(t -> byName.put(t.name(), t));
        long begin = System.nanoTime();
        Map<TrainTask.Data, List<String>> kept = new LinkedHashMap<>();
        plan.kept()
                .forEach(n -> kept.computeIfAbsent(
                                java.util.Objects.requireNonNull(byName.get(n)).data(), d -> new ArrayList<>())
                        .add(n));
        TrainRequest.Rows rows = source(spec);
        List<List<String>> passes =
                Stream.concat(kept.values().stream(), plan.passes().stream()).toList();
        for (List<String> pass : passes) {
            progress.check();
            TrainGroup.run(
                            rows,
                            workspace.saes(),
                            pass.stream()
                                    .map(n -> java.util.Objects.requireNonNull(byName.get(n)))
                                    .toList(),
                            progress)
                    .forEach(o -> outcomes.put(o.task().name(), o));
        }
        return (System.nanoTime() - begin) / 1e9;
    }

    private List<SweepResult.Row> rows(
            SweepSpec spec, Map<String, TrainGroup.Outcome> outcomes, List<String> notes, Progress progress) {
        boolean evaluate = !Boolean.FALSE.equals(spec.evaluate());
        List<SweepResult.Row> rows = new ArrayList<>();
        if (evaluate && spec.live() != null && spec.evalStore() == null) {
            evaluate = false;
            notes.add(
                    "No held-out figures: the rows came straight from the model; name a store of its held-out text with"
                            + " eval_store to measure on.");
        }
        if (evaluate) {
            evaluate = elsewhere(spec, outcomes, notes, progress);
        }
        for (SweepSpec.Cell c : spec.cells(places(spec))) {
            String name = c.name(spec.name());
            TrainGroup.Outcome o = java.util.Objects.requireNonNull(outcomes.get(name));
            SaeReport report = null;
            if (evaluate && o.result() != null) {
                progress.check();
                try {
                    report = evaluations.isCurrent(name, spec.evalStore())
                            ? evaluations.report(name).orElse(null)
                            : evaluations.run(name, spec.evalStore(), null, progress);
                } catch (dev.loupe.base.CancelledException e) {
                    throw e;
                } catch (LoupeException e) {
                    evaluate = false; // the reason is the same for all of them
                    notes.add("No held-out figures: " + e.getMessage());
                }
            }
            rows.add(row(spec, c, o, report));
        }
        if (rows.stream().anyMatch(r -> !r.heldOut() && r.failure() == null)) {
            notes.add("L0 and FVU of SAEs without held-out figures are those of their last training batch.");
        }
        return marked(rows);
    }

    /** Marks the fronts: one for each hook point, since errors at different places cannot be compared. */
    private static List<SweepResult.Row> marked(List<SweepResult.Row> rows) {
        Map<String, List<SweepResult.Row>> places = new LinkedHashMap<>();
        rows.forEach(
                r -> places.computeIfAbsent(r.place(), p -> new ArrayList<>()).add(r));
        List<SweepResult.Row> marked = new ArrayList<>();
        for (List<SweepResult.Row> here : places.values()) {
            double[] l0 = values(here, SweepResult.Row::l0);
            boolean[] fvu = Pareto.front(l0, values(here, SweepResult.Row::fvu));
            boolean[] ce = Pareto.front(l0, values(here, SweepResult.Row::deltaCe));
            for (int i = 0; i < here.size(); i++) {
                marked.add(here.get(i).marked(fvu[i], ce[i]));
            }
        }
        return marked;
    }

    /** On a cluster all reports are made at once; false if they cannot be made. */
    private boolean elsewhere(
            SweepSpec spec, Map<String, TrainGroup.Outcome> outcomes, List<String> notes, Progress progress) {
        try {
            evaluations.elsewhere(
                    outcomes.values().stream()
                            .filter(o -> o.result() != null)
                            .map(o -> o.task().name())
                            .sorted()
                            .toList(),
                    spec.evalStore(),
                    null,
                    progress);
            return true;
        } catch (dev.loupe.base.CancelledException e) {
            throw e;
        } catch (LoupeException e) {
            notes.add("No held-out figures: " + e.getMessage());
            return false;
        }
    }

    private static double[] values(List<SweepResult.Row> rows, Function<SweepResult.Row, @Nullable Double> value) {
        return rows.stream()
                .mapToDouble(r -> {
                    Double v = value.apply(r);
                    return v == null ? Double.NaN : v;
                })
                .toArray();
    }

    /** The L0 that settings ask for; 0 if they fix a weight. */
    private static int active(TrainConfig c) {
        return c.method().choosesK() ? c.k() : (int) Math.round(c.l0Target());
    }

    private static SweepResult.Row row(
            SweepSpec spec, SweepSpec.Cell c, TrainGroup.Outcome o, @Nullable SaeReport report) {
        TrainResult t = o.result();
        SaeReport.Loss loss = report == null ? null : report.loss();
        Double l0 = report != null
                ? (Double) report.l0()
                : t == null ? null : t.metrics().get("l0");
        Double fvu = report != null
                ? (Double) report.fvu()
                : t == null ? null : t.metrics().get("fvu");
        Double dead = t == null ? null : t.metrics().get("dead");
        return new SweepResult.Row(
                c.name(spec.name()),
                c.place().hook(),
                c.place().hookOut().isEmpty() ? null : c.place().hookOut(),
                c.arch(),
                c.dSae(),
                c.k() == null ? active(o.task().config()) : c.k(),
                c.seed(),
                c.varied(),
                report != null,
                l0,
                fvu,
                loss == null ? null : (Double) loss.deltaCe(),
                loss == null ? null : (Double) loss.lossRecoveredZero(),
                report != null ? (Double) report.deadFraction() : dead == null ? null : (Double) (dead / c.dSae()),
                false,
                false,
                o.failure());
    }
}
