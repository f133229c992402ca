package dev.loupe.http;

import dev.loupe.base.UsageException;
import dev.loupe.feature.FeatureDetail;
import dev.loupe.feature.FeatureGroup;
import dev.loupe.service.FeatureHit;
import dev.loupe.service.FeaturePage;
import dev.loupe.service.FeatureQuery;
import dev.loupe.service.TextTest;
import dev.loupe.service.Workbench;
import io.javalin.http.Context;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Features: lists, pages, search, and a text to test them on. */
final class FeatureRoutes {
    private final Workbench bench;

    record Hits(String query, List<FeatureHit> hits) {}

    /** A text for features: {@code ids} empty means the strongest. */
    record TestRequest(
            String text,
            @Nullable List<Integer> ids,
            @Nullable Integer limit) {}

    FeatureRoutes(Workbench bench) {
        this.bench = bench;
    }

    List<Route> routes() {
        return List.of(
                Route.get(
                        "/features/{sae}",
                        "The features of an SAE.",
                        FeaturePage.class,
                        this::list,
                        new Route.Query("sort", "string", "one of " + String.join(", ", FeatureQuery.SORTS)),
                        new Route.Query("descending", "boolean", "largest first; false unless said"),
                        new Route.Query("text", "string", "only features whose number, label or top token holds this"),
                        new Route.Query("language", "string", "only features that fire most on this label"),
                        new Route.Query("group", "string", "only one kind: one of " + FeatureGroup.keys()),
                        new Route.Query("seeds", "string", "found in all, some or none of the compared other seeds"),
                        new Route.Query("min_density", "number", "0 unless said"),
                        new Route.Query("max_density", "number", "1 unless said"),
                        new Route.Query("dead", "boolean", "whether to show features that never fire"),
                        new Route.Query("offset", "integer", "how many to leave out at the front"),
                        new Route.Query("limit", "integer", "at most so many; 100 unless said, 0 for all")),
                Route.get(
                        "/features/{sae}/{id}",
                        "Everything about a feature.",
                        FeatureDetail.class,
                        ctx -> ctx.json(bench.features().detail(ctx.pathParam("sae"), Params.id(ctx, "id")))),
                Route.post(
                        "/features/{sae}/test",
                        "What features do on a text.",
                        TestRequest.class,
                        TextTest.class,
                        this::test),
                Route.get(
                        "/search",
                        "Features whose label, tokens or examples hold a text.",
                        Hits.class,
                        this::search,
                        new Route.Query("q", "string", "what to look for"),
                        new Route.Query("sae", "string", "the SAE to look in; all unless said"),
                        new Route.Query("limit", "integer", "at most so many; 50 unless said")));
    }

    private void list(Context ctx) {
        FeatureQuery query = new FeatureQuery(
                Params.text(ctx, "sort", "id"),
                Params.flag(ctx, "descending", false),
                Params.text(ctx, "text", ""),
                Params.text(ctx, "language", ""),
                Params.text(ctx, "group", ""),
                Params.text(ctx, "seeds", ""),
                Params.number(ctx, "min_density", 0),
                Params.number(ctx, "max_density", 1),
                Params.flag(ctx, "dead", false),
                Params.integer(ctx, "offset", 0),
                Params.integer(ctx, "limit", 100));
        ctx.json(bench.features().list(ctx.pathParam("sae"), query));
    }

    @SuppressWarnings("ConstantValue") // JSON may leave a field out
    private void test(Context ctx) {
        TestRequest r = Params.body(ctx, TestRequest.class);
        if (r.text() == null || r.text().isBlank()) {
            throw new UsageException("The text is empty; send {\"text\": \"...\"}.");
        }
        ctx.json(bench.features()
                .test(
                        ctx.pathParam("sae"),
                        r.text(),
                        r.ids() == null ? List.of() : r.ids(),
                        r.limit() == null ? 50 : r.limit()));
    }

    private void search(Context ctx) {
        String query = Params.text(ctx, "q", "");
        ctx.json(new Hits(
                query, bench.features().search(query, ctx.queryParam("sae"), Params.integer(ctx, "limit", 50))));
    }
}
