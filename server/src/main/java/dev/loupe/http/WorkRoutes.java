package dev.loupe.http;

import dev.loupe.base.NotFoundException;
import dev.loupe.base.Progress;
import dev.loupe.compare.ActivationOverlap;
import dev.loupe.compare.Matching;
import dev.loupe.compare.Overlap;
import dev.loupe.patch.Circuit;
import dev.loupe.patch.CircuitRequest;
import dev.loupe.patch.PatchPair;
import dev.loupe.patch.PatchPlan;
import dev.loupe.patch.PatchRequest;
import dev.loupe.patch.PatchResult;
import dev.loupe.patch.task.TaskScore;
import dev.loupe.service.CompareSpec;
import dev.loupe.service.Comparisons;
import dev.loupe.service.Job;
import dev.loupe.service.SeedExperiment;
import dev.loupe.service.SeedStability;
import dev.loupe.service.SeedsSpec;
import dev.loupe.service.SweepResult;
import dev.loupe.service.SweepSpec;
import dev.loupe.service.Workbench;
import dev.loupe.train.SweepPlan;
import io.javalin.http.Context;
import java.util.List;

/** Comparisons of SAEs, patching and circuits. */
final class WorkRoutes {
    private final Workbench bench;

    record PairList(List<Comparisons.Pair> comparisons) {}

    record SeedsList(List<String> experiments) {}

    record SweepList(List<String> sweeps) {}

    record PatchList(List<String> patches) {}

    record CircuitList(List<String> circuits) {}

    record TaskList(List<TaskScore> tasks) {}

    record Pairs(List<PatchPair> pairs) {}

    WorkRoutes(Workbench bench) {
        this.bench = bench;
    }

    List<Route> routes() {
        return List.of(
                Route.get(
                        "/comparisons",
                        "Pairs of SAEs that were compared.",
                        PairList.class,
                        ctx -> ctx.json(new PairList(bench.compare().list()))),
                Route.get(
                        "/comparisons/{a}/{b}",
                        "A comparison.",
                        Matching.class,
                        ctx -> ctx.json(bench.compare().get(ctx.pathParam("a"), ctx.pathParam("b")))),
                Route.get(
                        "/comparisons/{a}/{b}/activations",
                        "What the matched latents of a comparison do on the store.",
                        ActivationOverlap.class,
                        this::activations),
                Route.get(
                        "/overlap",
                        "Several compared SAEs together: in how many each latent is found.",
                        Overlap.class,
                        this::overlap,
                        new Route.Query("saes", "string", "two or more names, with commas between"),
                        new Route.Query("threshold", "number", "least cosine of a shared pair; 0.7 unless said")),
                Route.get(
                        "/saes/{sae}/stability",
                        "In how many other seeds each latent of an SAE is found.",
                        SeedStability.class,
                        ctx -> ctx.json(bench.compare()
                                .stability(ctx.pathParam("sae"))
                                .orElseThrow(() -> new NotFoundException("The SAE " + ctx.pathParam("sae")
                                        + " was not compared with another seed: run loupe compare.")))),
                Route.get(
                        "/seeds",
                        "Experiments on seeds.",
                        SeedsList.class,
                        ctx -> ctx.json(new SeedsList(bench.seeds().list()))),
                Route.get(
                        "/seeds/{name}",
                        "An experiment on seeds.",
                        SeedExperiment.class,
                        ctx -> ctx.json(bench.seeds().get(ctx.pathParam("name")))),
                Route.post("/seeds", "Runs an experiment on seeds in a job.", SeedsSpec.class, Job.class, ctx -> {
                    SeedsSpec spec = Params.body(ctx, SeedsSpec.class);
                    ctx.status(202).json(bench.jobs().start("seeds", spec));
                }),
                Route.get(
                        "/sweeps",
                        "Finished sweeps.",
                        SweepList.class,
                        ctx -> ctx.json(new SweepList(bench.sweeps().list()))),
                Route.get(
                        "/sweeps/{name}",
                        "A finished sweep with its Pareto table.",
                        SweepResult.class,
                        ctx -> ctx.json(bench.sweeps().get(ctx.pathParam("name")))),
                Route.post(
                        "/sweeps/plan",
                        "What a sweep will take: passes, time, memory, disk.",
                        SweepSpec.class,
                        SweepPlan.class,
                        ctx -> ctx.json(bench.sweeps().plan(Params.body(ctx, SweepSpec.class), Progress.silent()))),
                Route.post("/sweeps", "Runs a sweep in a job.", SweepSpec.class, Job.class, ctx -> {
                    SweepSpec spec = Params.body(ctx, SweepSpec.class);
                    bench.sweeps().tasks(spec); // refused before a job is written down
                    ctx.status(202).json(bench.jobs().start("sweep", spec));
                }),
                Route.post("/comparisons", "Compares two SAEs in a job.", CompareSpec.class, Job.class, ctx -> {
                    CompareSpec spec = Params.body(ctx, CompareSpec.class);
                    ctx.status(202).json(bench.jobs().start("compare", spec));
                }),
                Route.get(
                        "/patches",
                        "Saved patching results, newest first.",
                        PatchList.class,
                        ctx -> ctx.json(new PatchList(bench.patch().list()))),
                Route.get(
                        "/patches/tasks",
                        "The tasks of the library and how a model does them on held-out templates.",
                        TaskList.class,
                        ctx -> ctx.json(new TaskList(bench.patch().tasks(ctx.queryParam("model"), Progress.silent()))),
                        new Route.Query("model", "string", "a model's name; the embedded one if absent")),
                Route.get(
                        "/patches/tasks/{task}",
                        "Prompt pairs of a task that fit a model's tokenizer.",
                        Pairs.class,
                        ctx -> ctx.json(new Pairs(bench.patch()
                                .pairs(
                                        ctx.queryParam("model"),
                                        ctx.pathParam("task"),
                                        Math.clamp(Params.integer(ctx, "n", 8), 1, 1000),
                                        Params.integer(ctx, "seed", 0)))),
                        new Route.Query("model", "string", "a model's name; the embedded one if absent"),
                        new Route.Query("n", "integer", "how many at most (default 8)"),
                        new Route.Query("seed", "integer", "of their choice (default 0)")),
                Route.post(
                        "/patches/plan",
                        "What a request will cost: runs, memory and about how many seconds.",
                        PatchRequest.class,
                        PatchPlan.class,
                        ctx -> ctx.json(bench.patch().plan(Params.body(ctx, PatchRequest.class), Progress.silent()))),
                Route.get(
                        "/patches/{id}",
                        "A saved patching result.",
                        PatchResult.class,
                        ctx -> ctx.json(bench.patch().get(ctx.pathParam("id")))),
                Route.post(
                        "/patches",
                        "Patches a prompt pair and saves the result.",
                        PatchRequest.class,
                        PatchResult.class,
                        this::patch),
                Route.get(
                        "/circuits",
                        "Saved circuits.",
                        CircuitList.class,
                        ctx -> ctx.json(new CircuitList(bench.circuits().list()))),
                Route.get(
                        "/circuits/{id}",
                        "A saved circuit.",
                        Circuit.class,
                        ctx -> ctx.json(bench.circuits().get(ctx.pathParam("id")))),
                Route.get(
                                "/circuits/{id}/graph",
                                "A saved circuit in circuit-tracer's JSON.",
                                Circuit.class,
                                ctx -> export(ctx, "json", "application/json"))
                        .of("application/json"),
                Route.get(
                                "/circuits/{id}/svg",
                                "A saved circuit as a picture.",
                                Circuit.class,
                                ctx -> export(ctx, "svg", "image/svg+xml"))
                        .of("image/svg+xml"),
                Route.post(
                        "/circuits",
                        "Finds a sparse feature circuit; with a name it is saved.",
                        CircuitRequest.class,
                        Circuit.class,
                        ctx -> {
                            Circuit found =
                                    bench.circuits().run(Params.body(ctx, CircuitRequest.class), Progress.silent());
                            String name = ctx.queryParam("name");
                            ctx.json(name == null ? found : bench.circuits().save(found, name));
                        }));
    }

    private void activations(Context ctx) {
        String a = ctx.pathParam("a");
        String b = ctx.pathParam("b");
        bench.compare().get(a, b);
        ctx.json(bench.compare()
                .activations(a, b)
                .orElseThrow(() -> new NotFoundException("What " + a + " and " + b
                        + " do on the store was not looked at: run loupe compare " + a + " " + b + " --activations.")));
    }

    private void overlap(Context ctx) {
        List<String> saes = List.of(Params.text(ctx, "saes", "").split(",", -1));
        ctx.json(bench.compare().overlap(saes, Params.number(ctx, "threshold", Matching.DEFAULT_THRESHOLD)));
    }

    private void export(Context ctx, String form, String type) {
        String text = bench.circuits().export(bench.circuits().get(ctx.pathParam("id")), form);
        ctx.contentType(type).result(text);
    }

    private void patch(Context ctx) {
        PatchRequest request = Params.body(ctx, PatchRequest.class);
        PatchResult result = bench.patch().run(request, Progress.silent());
        ctx.json(bench.patch().save(result, null));
    }
}
