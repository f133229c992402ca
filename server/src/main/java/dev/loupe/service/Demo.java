package dev.loupe.service;

import dev.loupe.base.Progress;
import dev.loupe.capture.CaptureRequest;
import dev.loupe.capture.CaptureResult;
import dev.loupe.compare.Matching;
import dev.loupe.corpus.Corpora;
import dev.loupe.eval.SaeReport;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * The demo: captures, trains eight SAEs, evaluates and indexes them and matches their seeds. Every part is an ordinary
 * piece of work with its own artifact; what is finished is kept, so the demo continues wherever it was stopped.
 */
public final class Demo {
    /** Name of the demo's store. */
    public static final String STORE = "demo";

    private static final String HOOK = "blocks.3.hook_resid_post";
    private static final long TOKENS = 570_000; // about 500,000 of them for training
    private static final List<Long> SEEDS = List.of(0L, 1L);

    private record Family(String name, String arch, int dSae, double seconds) {}

    /** The four pairs, with how long one takes on two cores. */
    private static final List<Family> FAMILIES = List.of(
            new Family("topk-2048", "topk", 2048, 11),
            new Family("relu-2048", "relu", 2048, 9.5),
            new Family("jumprelu-2048", "jumprelu", 2048, 14.5),
            new Family("topk-512", "topk", 512, 5.4));

    private final Workbench bench;

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
     * @param reports of the eight SAEs
     * @param pairs the matched seeds
     */
    public record Result(List<SaeReport> reports, List<Matching> pairs) {}

    /** The demo of a workbench. */
    public Demo(Workbench bench) {
        this.bench = bench;
    }

    /** All parts, in order. */
    public List<Part> parts() {
        List<Part> parts = new ArrayList<>();
        CaptureRequest capture = CaptureRequest.of(
                STORE, bench.workspace().activations(), Models.BUILTIN, Corpora.EUROPARL, List.of(HOOK), TOKENS);
        parts.add(new Part(
                "capture",
                20,
                1,
                () -> Workspace.named(bench.workspace().activations(), "store.json")
                        .contains(STORE),
                "capture",
                capture,
                p -> {
                    CaptureResult r = bench.stores().capture(capture, p);
                    p.message(String.format(java.util.Locale.ROOT, "capture: %.0f tokens/s", r.tokensPerSecond()));
                    return r;
                }));
        for (Family f : FAMILIES) {
            TrainSpec spec =
                    new TrainSpec(f.name, STORE, HOOK, f.arch, f.dSae, null, null, null, SEEDS, null, null, Map.of());
            parts.add(new Part(
                    "train " + f.name,
                    2 * f.seconds,
                    SEEDS.size(),
                    () -> bench.saes().names().containsAll(names(f)),
                    "train",
                    spec,
                    p -> {
                        TrainSummary r = bench.training().run(spec, p);
                        p.message(
                                String.format(java.util.Locale.ROOT, "%s: %.0f tokens/s", f.name, r.tokensPerSecond()));
                        return r;
                    }));
        }
        EvalSpec eval = new EvalSpec(saes(), null);
        parts.add(new Part(
                "evaluate",
                23,
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
                26,
                0,
                () -> saes().stream().allMatch(bench.features()::isCurrent),
                "index",
                index,
                p -> each(
                        index.saes(),
                        p,
                        bench.features()::isCurrent,
                        s -> bench.features().build(s, p))));
        for (Family f : FAMILIES) {
            CompareSpec spec = new CompareSpec(names(f).get(0), names(f).get(1), null);
            parts.add(new Part(
                    "match " + f.name,
                    f.dSae / 10_000.0,
                    0,
                    () -> bench.compare().isCurrent(spec),
                    "compare",
                    spec,
                    p -> Tasks.summary(bench.compare().run(spec, p))));
        }
        return parts;
    }

    /** What the finished demo made. */
    public Result result() {
        List<SaeReport> reports = new ArrayList<>();
        saes().forEach(s -> bench.evaluations().report(s).ifPresent(reports::add));
        List<Matching> pairs = FAMILIES.stream()
                .map(f -> bench.compare().get(names(f).get(0), names(f).get(1)))
                .toList();
        return new Result(reports, pairs);
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

    private static List<String> saes() {
        return FAMILIES.stream().flatMap(f -> names(f).stream()).toList();
    }

    private static List<String> names(Family f) {
        return SEEDS.stream().map(s -> f.name + "-s" + s).toList();
    }
}
