package dev.loupe.service;

import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.capture.CaptureRequest;
import dev.loupe.capture.CaptureResult;
import dev.loupe.compare.Matching;
import dev.loupe.eval.SaeReport;
import dev.loupe.store.StoreManifest;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * The demo: captures, trains some SAEs, evaluates and indexes them and matches their seeds ({@link DemoPlan} says which).
 * Every part is an ordinary piece of work with its own artifact; what is finished is kept, so the demo continues wherever
 * it was stopped.
 */
public final class Demo {
    private final Workbench bench;
    private final DemoPlan plan;
    private final boolean circuits;

    /**
     * One part of the demo.
     *
     * @param title what happens, for people
     * @param seconds about how long it takes on two cores
     * @param stages how many stages of known length its progress has; 0 if that varies
     * @param finished whether its artifact is there already
     * @param kind of the job
     * @param request of the job
     * @param work does it; the result is kept with the job
     */
    public record Part(
            String title,
            double seconds,
            int stages,
            BooleanSupplier finished,
            String kind,
            Object request,
            Function<Progress, Object> work) {}

    /**
     * What the demo made.
     *
     * @param reports of the SAEs
     * @param pairs the matched seeds
     * @param graphs attribution graphs; empty without them
     */
    public record Result(List<SaeReport> reports, List<Matching> pairs, List<Graphs.Entry> graphs) {}

    /** The demo of a workbench. */
    public Demo(Workbench bench, DemoPlan plan) {
        this(bench, plan, false);
    }

    /**
     * The demo of a workbench.
     *
     * @param circuits whether a transcoder of every MLP is trained and the graphs of a solved task are computed, too
     * @throws UsageException if the plan's model has no such second half
     */
    public Demo(Workbench bench, DemoPlan plan, boolean circuits) {
        if (circuits && !plan.model().equals(Models.BUILTIN)) {
            throw new UsageException(
                    "The demo of circuits is one of the embedded model: leave out --model " + plan.model() + ".");
        }
        this.bench = bench;
        this.plan = plan;
        this.circuits = circuits;
    }

    /** All parts, in order. */
    public List<Part> parts() {
        // long: the demo as one list of stages
        List<Part> parts = new ArrayList<>();
        String source = plan.source();
        if (source != null) {
            parts.add(new Part(
                    "pull " + plan.model(),
                    plan.pullSeconds(),
                    0,
                    () -> bench.models().list().stream().anyMatch(m -> m.id().equals(plan.model())),
                    "pull",
                    new PullSpec(source),
                    p -> bench.models().pull(source, p)));
        }
        CaptureRequest capture = CaptureRequest.of(
                        plan.store(),
                        bench.workspace().activations(),
                        plan.model(),
                        plan.text(),
                        List.of(plan.hook()),
                        plan.tokens())
                .withHeldOut(plan.heldOut());
        parts.add(new Part("capture", plan.captureSeconds(), 1, this::captured, "capture", capture, p -> {
            CaptureResult r = bench.stores().capture(capture, p);
            p.message(String.format(java.util.Locale.ROOT, "capture: %.0f tokens/s", r.tokensPerSecond()));
            return r;
        }));
        for (DemoPlan.Family f : plan.families()) {
            TrainSpec spec = TrainSpec.of(f.name(), plan.store(), f.arch(), f.dSae())
                    .hook(plan.hook())
                    .seeds(DemoPlan.SEEDS)
                    .set(f.set())
                    .steps(f.steps())
                    .build();
            parts.add(new Part(
                    "train " + f.name(),
                    DemoPlan.SEEDS.size() * f.seconds(),
                    DemoPlan.SEEDS.size(),
                    () -> bench.saes().names().containsAll(names(f)),
                    "train",
                    spec,
                    p -> {
                        TrainSummary r = bench.training().run(spec, p);
                        p.message(String.format(
                                java.util.Locale.ROOT, "%s: %.0f tokens/s", f.name(), r.tokensPerSecond()));
                        return r;
                    }));
        }
        EvalSpec eval = new EvalSpec(saes(), null, null, false); // the time of a demo is for other things
        parts.add(new Part(
                "evaluate",
                plan.evaluateSeconds(),
                0,
                () -> saes().stream().allMatch(bench.evaluations()::isCurrent),
                "eval",
                eval,
                p -> each(
                        eval.saes(),
                        p,
                        bench.evaluations()::isCurrent,
                        s -> bench.evaluations().run(s, null, p))));
        IndexSpec index = new IndexSpec(saes());
        parts.add(new Part(
                "index",
                plan.indexSeconds(),
                0,
                () -> saes().stream().allMatch(bench.features()::isCurrent),
                "index",
                index,
                p -> each(
                        index.saes(),
                        p,
                        bench.features()::isCurrent,
                        s -> bench.features().build(s, p))));
        control().ifPresent(parts::add);
        for (DemoPlan.Family f : plan.families()) {
            CompareSpec spec = new CompareSpec(names(f).get(0), names(f).get(1), null);
            parts.add(new Part(
                    "match " + f.name(),
                    f.dSae() / 10_000.0,
                    0,
                    () -> bench.compare().isCurrent(spec),
                    "compare",
                    spec,
                    p -> Tasks.summary(bench.compare().run(spec, p))));
        }
        if (circuits) {
            parts.addAll(DemoCircuits.parts(bench));
        }
        return parts;
    }

    /** Whether the store is there; one of another plan must not pass for it. */
    private boolean captured() {
        if (!Workspace.named(bench.workspace().activations(), "store.json").contains(plan.store())) {
            return false;
        }
        Object there = StoreManifest.read(bench.stores().folder(plan.store()))
                .content()
                .capture()
                .get("tokens_requested");
        if (there instanceof Number n && n.longValue() != plan.tokens()) {
            throw new UsageException("The store " + plan.store() + " of this workspace is one of " + there
                    + " tokens, and this demo is one of " + plan.tokens() + ": choose another --workspace, or --tokens "
                    + there + ".");
        }
        return true;
    }

    private Optional<Part> control() {
        String sae = plan.control();
        if (sae == null) {
            return Optional.empty();
        }
        String random = RandomControl.name(sae);
        return Optional.of(new Part(
                "random-model control of " + sae,
                plan.controlSeconds(),
                0,
                () -> bench.saes().names().contains(random) && bench.features().isCurrent(random),
                "index",
                new IndexSpec(List.of(sae), null, true),
                p -> {
                    bench.controls().make(sae, p);
                    return Map.of("saes", List.of(random));
                }));
    }

    /** What the finished demo made. */
    public Result result() {
        List<SaeReport> reports = new ArrayList<>();
        saes().forEach(s -> bench.evaluations().report(s).ifPresent(reports::add));
        List<Matching> pairs = plan.families().stream()
                .map(f -> bench.compare().get(names(f).get(0), names(f).get(1)))
                .toList();
        return new Result(reports, pairs, circuits ? DemoCircuits.graphs(bench) : List.of());
    }

    private static Object each(
            List<String> names, Progress p, java.util.function.Predicate<String> finished, Consumer<String> work) {
        List<String> done = new ArrayList<>();
        for (String name : names) {
            p.check();
            if (!finished.test(name)) {
                work.accept(name);
                done.add(name);
            }
        }
        return Map.of("saes", done);
    }

    private List<String> saes() {
        return plan.families().stream().flatMap(f -> names(f).stream()).toList();
    }

    private static List<String> names(DemoPlan.Family f) {
        return DemoPlan.SEEDS.stream().map(s -> f.name() + "-s" + s).toList();
    }
}
