package dev.loupe.http;

import dev.loupe.base.Names;
import dev.loupe.base.UsageException;
import dev.loupe.patch.PatchMethod;
import dev.loupe.patch.PatchPlan;
import dev.loupe.patch.PatchRequest;
import dev.loupe.patch.PatchResult;
import dev.loupe.patch.task.PatchPair;
import dev.loupe.patch.task.TaskScore;
import dev.loupe.service.ArrowTable;
import dev.loupe.service.PairTokens;
import dev.loupe.service.PatchJob;
import dev.loupe.service.PatchTables;
import dev.loupe.service.Rerun;
import dev.loupe.service.Views;
import dev.loupe.service.Workbench;
import io.javalin.http.Context;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/** Patching: answered at once where that is quick, in a job where it is not. */
final class PatchRoutes {
    /** The parameter that says how long work is done. */
    static final Route.Query JOB = new Route.Query(
            "job",
            "boolean",
            "true: in a job, answered 202 with the job; false: at once, however long it takes; absent: as suits its cost");

    /** The parameter that names what is saved. */
    static final Route.Query NAME =
            new Route.Query("name", "string", "name of the saved result; one made from the time if absent");

    private static final Route.Query MODEL =
            new Route.Query("model", "string", "a model's name; the embedded one if absent");
    private static final double AT_ONCE_SECONDS = 20;

    private final Workbench bench;

    record PatchList(List<String> patches) {}

    record TaskList(List<TaskScore> tasks) {}

    record Pairs(List<PatchPair> pairs) {}

    /** A pair that is still being written. */
    record Draft(
            @Nullable String model,
            @Nullable String clean,
            @Nullable String corrupt,
            @Nullable String answer,
            @Nullable String wrong) {}

    PatchRoutes(Workbench bench) {
        this.bench = bench;
    }

    List<Route> routes() {
        return List.of(
                Route.get(
                        "/patches",
                        "Saved patching results, newest first.",
                        PatchList.class,
                        ctx -> ctx.json(new PatchList(bench.patch().list()))),
                Route.get(
                                "/patches/tasks",
                                "The tasks of the library and how a model does them on held-out templates.",
                                TaskList.class,
                                ctx -> ctx.json(new TaskList(
                                        bench.patch().tasks(ctx.queryParam("model"), new Caller(ctx).progress()))),
                                MODEL)
                        .working(),
                Route.get(
                                "/patches/tasks/{task}",
                                "Prompt pairs of a task that fit a model's tokenizer.",
                                Pairs.class,
                                this::pairs,
                                MODEL,
                                new Route.Query("n", "integer", "how many at most (default 8)"),
                                new Route.Query("seed", "integer", "of their choice (default 0)"))
                        .working(),
                Route.post(
                        "/patches/tokens",
                        "How a model cuts a pair into tokens, aligned, and what is still wrong with the pair.",
                        Draft.class,
                        PairTokens.class,
                        this::tokens),
                Route.post(
                        "/patches/plan",
                        "What a request will cost: runs, memory and about how many seconds.",
                        PatchRequest.class,
                        PatchPlan.class,
                        ctx -> ctx.json(
                                bench.patch().plan(Params.body(ctx, PatchRequest.class), new Caller(ctx).progress()))),
                Route.get(
                        "/patches/{id}",
                        "A saved patching result.",
                        PatchResult.class,
                        ctx -> ctx.json(bench.patch().get(ctx.pathParam("id")))),
                table(
                        "/patches/{id}/cells",
                        "The cells of a saved result: site, layer, column, estimate, exact effect where it was checked.",
                        PatchTables::cells),
                table("/patches/{id}/nodes", "The single neurons and latents of a saved result.", PatchTables::nodes),
                Route.post(
                                "/patches",
                                "Patches prompt pairs and saves the result.",
                                PatchRequest.class,
                                PatchResult.class,
                                ctx -> patch(ctx, Params.body(ctx, PatchRequest.class)))
                        .with(NAME, JOB),
                Route.post(
                                "/patches/{id}/verify",
                                "Patches cells of a saved result exactly, and saves it anew with the check.",
                                null,
                                PatchResult.class,
                                this::verify)
                        .with(
                                new Route.Query(
                                        "cells",
                                        "integer",
                                        "so many of the largest and as many random ones (default 40); -1: all"),
                                NAME,
                                JOB),
                Route.post(
                        "/patches/{id}/rerun",
                        "Asks a saved result's question again and says whether the answer is the same to the last bit.",
                        null,
                        Rerun.class,
                        ctx -> ctx.json(bench.patch().rerun(ctx.pathParam("id"), new Caller(ctx).progress()))));
    }

    private void pairs(Context ctx) {
        ctx.json(new Pairs(bench.patch()
                .pairs(
                        ctx.queryParam("model"),
                        ctx.pathParam("task"),
                        Math.clamp(Params.integer(ctx, "n", 8), 1, 1000),
                        Params.integer(ctx, "seed", 0))));
    }

    private void tokens(Context ctx) {
        Draft d = Params.body(ctx, Draft.class);
        ctx.json(
                bench.patch().tokens(d.model(), text(d.clean()), text(d.corrupt()), text(d.answer()), text(d.wrong())));
    }

    private static String text(@Nullable String text) {
        return text == null ? "" : text;
    }

    private void patch(Context ctx, PatchRequest request) {
        String name = ctx.queryParam("name");
        if (name != null) {
            Names.check(name);
        }
        request.check();
        if (inJob(ctx, request)) {
            start(ctx, bench, "patch", request, name);
        } else {
            ctx.json(bench.patch().run(new PatchJob(request, name), new Caller(ctx).progress()));
        }
    }

    private void verify(Context ctx) {
        int cells = Params.integer(ctx, "cells", 40);
        if (cells == 0) {
            throw new UsageException("How many cells shall be checked? Say a number, or -1 for all.");
        }
        patch(ctx, bench.patch().get(ctx.pathParam("id")).request().withVerify(cells));
    }

    private boolean inJob(Context ctx, PatchRequest request) {
        if (ctx.queryParam("job") != null) {
            return Params.flag(ctx, "job", false);
        }
        PatchMethod m = PatchMethod.of(request.method());
        boolean quick = request.verify() == 0 && (m == PatchMethod.RELP || m == PatchMethod.ATP);
        return !quick && bench.patch().plan(request, new Caller(ctx).progress()).seconds() > AT_ONCE_SECONDS;
    }

    /** Starts a job of a request with a name among its fields. */
    static void start(Context ctx, Workbench bench, String kind, Object request, @Nullable String name) {
        ObjectNode tree = (ObjectNode) Views.JSON.readTree(Views.line(request));
        if (name != null) {
            tree.put("name", name);
        }
        var job = bench.jobs().start(kind, tree);
        ctx.status(202).header("Location", "/api/jobs/" + job.id()).json(job);
    }

    private Route table(String path, String summary, Function<PatchResult, Map<String, Object>> of) {
        return Route.get(path, summary, PatchResult.class, ctx -> {
                    byte[] bytes = ArrowTable.bytes(of.apply(bench.patch().get(ctx.pathParam("id"))));
                    ctx.contentType(ArrowTable.MEDIA_TYPE).result(bytes);
                })
                .of(ArrowTable.MEDIA_TYPE);
    }
}
