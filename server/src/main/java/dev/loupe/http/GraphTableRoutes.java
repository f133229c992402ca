package dev.loupe.http;

import dev.loupe.graph.AttributionGraph;
import dev.loupe.service.ArrowTable;
import dev.loupe.service.GraphTables;
import dev.loupe.service.Rerun;
import dev.loupe.service.Workbench;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** Attribution graphs as tables, and computed again from their own manifest. */
final class GraphTableRoutes {
    private final Workbench bench;

    GraphTableRoutes(Workbench bench) {
        this.bench = bench;
    }

    List<Route> routes() {
        return List.of(
                table("nodes", "The nodes of a saved graph.", GraphTables::nodes),
                table("edges", "The edges of a saved graph.", GraphTables::edges),
                Route.post(
                        "/graphs/{id}/rerun",
                        "Computes a saved graph again and says whether the answer is the same to the last bit.",
                        null,
                        Rerun.class,
                        ctx -> ctx.json(bench.graphs().rerun(ctx.pathParam("id"), new Caller(ctx).progress()))));
    }

    private Route table(String path, String summary, Function<AttributionGraph, Map<String, Object>> of) {
        return Route.get("/graphs/{id}/" + path, summary, AttributionGraph.class, ctx -> {
                    byte[] bytes = ArrowTable.bytes(of.apply(bench.graphs().get(ctx.pathParam("id"))));
                    ctx.contentType(ArrowTable.MEDIA_TYPE).result(bytes);
                })
                .of(ArrowTable.MEDIA_TYPE);
    }
}
