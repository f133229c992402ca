package dev.loupe.http;

import dev.loupe.base.Names;
import dev.loupe.base.UsageException;
import dev.loupe.patch.Circuit;
import dev.loupe.patch.CircuitPart;
import dev.loupe.patch.CircuitRequest;
import dev.loupe.service.ArrowTable;
import dev.loupe.service.CircuitComparison;
import dev.loupe.service.CircuitTables;
import dev.loupe.service.Rerun;
import dev.loupe.service.Workbench;
import io.javalin.http.Context;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Sparse feature circuits. */
final class CircuitRoutes {
    private final Workbench bench;

    record CircuitList(List<String> circuits) {}

    /** Nodes to look at together. */
    record Part(@Nullable List<String> nodes) {}

    CircuitRoutes(Workbench bench) {
        this.bench = bench;
    }

    List<Route> routes() {
        return List.of(
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
                text("graph", "A saved circuit in circuit-tracer's JSON.", "json", "application/json"),
                text("svg", "A saved circuit as a picture.", "svg", "image/svg+xml"),
                text("dot", "A saved circuit for Graphviz.", "dot", "text/vnd.graphviz"),
                table("nodes", "The nodes of a saved circuit.", CircuitTables::nodes),
                table("edges", "The edges of a saved circuit.", CircuitTables::edges),
                Route.post(
                                "/circuits",
                                "Finds a sparse feature circuit; with a name it is saved.",
                                CircuitRequest.class,
                                Circuit.class,
                                this::find)
                        .with(
                                PatchRoutes.NAME,
                                new Route.Query(
                                        "job", "boolean", "true: in a job, answered 202 with the job, and saved")),
                Route.post(
                        "/circuits/{id}/part",
                        "What nodes of a saved circuit keep of the behaviour alone, and what is left without them.",
                        Part.class,
                        CircuitPart.class,
                        this::part),
                Route.get(
                        "/circuits/{id}/compare/{other}",
                        "Two saved circuits side by side.",
                        CircuitComparison.class,
                        ctx -> ctx.json(bench.circuits().compare(ctx.pathParam("id"), ctx.pathParam("other")))),
                Route.post(
                        "/circuits/{id}/rerun",
                        "Asks a saved circuit's question again and says whether the answer is the same to the last bit.",
                        null,
                        Rerun.class,
                        ctx -> ctx.json(bench.circuits().rerun(ctx.pathParam("id"), new Caller(ctx).progress()))));
    }

    private void part(Context ctx) {
        List<String> nodes = Params.body(ctx, Part.class).nodes();
        if (nodes == null) {
            throw new UsageException("Which nodes? Send {\"nodes\": [\"SAE/12\"]}.");
        }
        ctx.json(bench.circuits().part(ctx.pathParam("id"), new LinkedHashSet<>(nodes), new Caller(ctx).progress()));
    }

    private void find(Context ctx) {
        CircuitRequest request = Params.body(ctx, CircuitRequest.class);
        String name = ctx.queryParam("name");
        if (name != null) {
            Names.check(name);
        }
        request.check();
        if (Params.flag(ctx, "job", false)) {
            PatchRoutes.start(ctx, bench, "circuit", request, name);
            return;
        }
        Circuit found = bench.circuits().run(request, new Caller(ctx).progress());
        ctx.json(name == null ? found : bench.circuits().save(found, name));
    }

    private Route text(String path, String summary, String form, String type) {
        return Route.get("/circuits/{id}/" + path, summary, Circuit.class, ctx -> {
                    String text = bench.circuits().export(bench.circuits().get(ctx.pathParam("id")), form);
                    ctx.contentType(type).result(text);
                })
                .of(type);
    }

    private Route table(String path, String summary, Function<Circuit, Map<String, Object>> of) {
        return Route.get("/circuits/{id}/" + path, summary, Circuit.class, ctx -> {
                    byte[] bytes = ArrowTable.bytes(of.apply(bench.circuits().get(ctx.pathParam("id"))));
                    ctx.contentType(ArrowTable.MEDIA_TYPE).result(bytes);
                })
                .of(ArrowTable.MEDIA_TYPE);
    }
}
