package dev.loupe.http;

import dev.loupe.base.NotFoundException;
import dev.loupe.compare.ActivationOverlap;
import dev.loupe.compare.Matching;
import dev.loupe.compare.Overlap;
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

/** Comparisons of SAEs, experiments on seeds, sweeps. */
final class WorkRoutes {
    private final Workbench bench;

    record PairList(List<Comparisons.Pair> comparisons) {}

    record SeedsList(List<String> experiments) {}

    record SweepList(List<String> sweeps) {}

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
                                new Route.Query(
                                        "threshold", "number", "least cosine of a shared pair; 0.7 unless said"))
                        .working(),
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
                        ctx -> ctx.json(
                                bench.sweeps().plan(Params.body(ctx, SweepSpec.class), new Caller(ctx).progress()))),
                Route.post("/sweeps", "Runs a sweep in a job.", SweepSpec.class, Job.class, ctx -> {
                    SweepSpec spec = Params.body(ctx, SweepSpec.class);
                    bench.sweeps().tasks(spec); // refused before a job is written down
                    ctx.status(202).json(bench.jobs().start("sweep", spec));
                }),
                Route.post("/comparisons", "Compares two SAEs in a job.", CompareSpec.class, Job.class, ctx -> {
                    CompareSpec spec = Params.body(ctx, CompareSpec.class);
                    ctx.status(202).json(bench.jobs().start("compare", spec));
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
}
