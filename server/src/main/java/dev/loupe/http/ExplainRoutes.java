package dev.loupe.http;

import dev.loupe.base.Progress;
import dev.loupe.service.Explanation;
import dev.loupe.service.Workbench;
import java.util.List;

/** Labels in prose, where the settings name a service that writes them. */
final class ExplainRoutes {
    private final Workbench bench;

    ExplainRoutes(Workbench bench) {
        this.bench = bench;
    }

    List<Route> routes() {
        return List.of(Route.post(
                "/features/{sae}/{id}/explain",
                "Asks the language model that the settings name to explain a feature, and scores what it says on held-out"
                        + " examples.",
                null,
                Explanation.class,
                ctx -> ctx.json(bench.prose().explain(ctx.pathParam("sae"), Params.id(ctx, "id"), Progress.silent()))));
    }
}
