package dev.loupe.http;

import dev.loupe.base.Progress;
import dev.loupe.compare.Matching;
import dev.loupe.patch.PatchRequest;
import dev.loupe.patch.PatchResult;
import dev.loupe.service.CompareSpec;
import dev.loupe.service.Comparisons;
import dev.loupe.service.Job;
import dev.loupe.service.Workbench;
import io.javalin.http.Context;
import java.util.List;

/** Comparisons of SAEs and patching. */
final class WorkRoutes {
    private final Workbench bench;

    record PairList(List<Comparisons.Pair> comparisons) {}

    record PatchList(List<String> patches) {}

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
                        "/patches/{id}",
                        "A saved patching result.",
                        PatchResult.class,
                        ctx -> ctx.json(bench.patch().get(ctx.pathParam("id")))),
                Route.post(
                        "/patches",
                        "Patches a prompt pair and saves the result.",
                        PatchRequest.class,
                        PatchResult.class,
                        this::patch));
    }

    private void patch(Context ctx) {
        PatchRequest request = Params.body(ctx, PatchRequest.class);
        PatchResult result = bench.patch().run(request, Progress.silent());
        ctx.json(bench.patch().save(result, null));
    }
}
