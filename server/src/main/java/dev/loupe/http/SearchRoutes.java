package dev.loupe.http;

import dev.loupe.base.UsageException;
import dev.loupe.feature.Coactive;
import dev.loupe.feature.FeatureGroup;
import dev.loupe.service.CrossNeighbour;
import dev.loupe.service.FeatureHit;
import dev.loupe.service.FeatureQuery;
import dev.loupe.service.FeatureSearch;
import dev.loupe.service.TextFeatures;
import dev.loupe.service.Workbench;
import io.javalin.http.Context;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Finding features: by words, by regular expression, by likeness, by a text they fire on. */
final class SearchRoutes {
    private static final Route.Query[] FILTERS = {
        new Route.Query("min_density", "number", "0 unless said"),
        new Route.Query("max_density", "number", "1 unless said"),
        new Route.Query("min_score", "number", "least held-out balanced accuracy of the label"),
        new Route.Query("group", "string", "only one kind: one of " + FeatureGroup.keys()),
        new Route.Query("language", "string", "only features that fire most on this label"),
        new Route.Query("seeds", "string", "found in all, some or none of the compared other seeds")
    };

    private final Workbench bench;

    record Hits(String query, List<FeatureHit> hits) {}

    /**
     * Latents that write in nearly the same direction.
     *
     * @param sae the SAE
     * @param id the latent
     * @param other the SAE that was searched
     * @param neighbours most alike first
     */
    record Neighbours(String sae, int id, String other, List<CrossNeighbour> neighbours) {}

    /**
     * Latents that fire with one.
     *
     * @param sae the SAE
     * @param id the latent
     * @param other the SAE of the others
     * @param offset how many were left out at the front
     * @param latents most together first
     */
    record Together(String sae, int id, String other, int offset, List<Coactive> latents) {}

    /**
     * A text for all features of an SAE.
     *
     * @param text the text
     * @param positions add up over these; all if absent
     * @param maxDensity leave out denser features, before the strongest are chosen; 1 if absent
     * @param perToken features named per token; 5 if absent
     * @param limit features over the whole text; 50 if absent
     */
    record OnTextRequest(
            String text,
            @Nullable List<Integer> positions,
            @Nullable Double maxDensity,
            @Nullable Integer perToken,
            @Nullable Integer limit) {}

    SearchRoutes(Workbench bench) {
        this.bench = bench;
    }

    List<Route> routes() {
        return List.of(
                Route.get(
                                "/search",
                                "Features whose label, tokens, rules, promoted tokens or examples hold all words, or whose tokens a"
                                        + " regular expression matches.",
                                Hits.class,
                                this::search,
                                with(
                                        FILTERS,
                                        new Route.Query("q", "string", "what to look for"),
                                        new Route.Query("by", "string", "words (unless said) or regex"),
                                        new Route.Query("sae", "string", "the SAE to look in; all unless said"),
                                        new Route.Query("limit", "integer", "at most so many; 50 unless said")))
                        .working(),
                Route.get(
                                "/features/{sae}/{id}/neighbours",
                                "The latents of an SAE (the same, or another) with the nearest decoder rows, and how often both"
                                        + " fire.",
                                Neighbours.class,
                                this::neighbours,
                                new Route.Query("other", "string", "the SAE to look in; the same unless said"),
                                new Route.Query("limit", "integer", "at most so many; 10 unless said"))
                        .working(),
                Route.get(
                                "/features/{sae}/{id}/coactivation",
                                "How often a feature fires together with every latent of an SAE over the same store: counted where"
                                        + " exact, else estimated with its standard error.",
                                Together.class,
                                this::coactivation,
                                new Route.Query("other", "string", "the SAE to look in; the same unless said"),
                                new Route.Query("offset", "integer", "how many to leave out at the front"),
                                new Route.Query("limit", "integer", "at most so many; 50 unless said"))
                        .working(),
                Route.post(
                        "/features/{sae}/on-text",
                        "Which features fire on a text: the strongest per token, and over chosen positions.",
                        OnTextRequest.class,
                        TextFeatures.class,
                        this::onText));
    }

    private static Route.Query[] with(Route.Query[] filters, Route.Query... own) {
        Route.Query[] all = new Route.Query[own.length + filters.length];
        System.arraycopy(own, 0, all, 0, own.length);
        System.arraycopy(filters, 0, all, own.length, filters.length);
        return all;
    }

    private void search(Context ctx) {
        String query = Params.text(ctx, "q", "");
        String by = Params.text(ctx, "by", "words");
        if (!by.equals("words") && !by.equals("regex")) {
            throw new UsageException("A search goes by words or by regex, not by \"" + by + "\".");
        }
        FeatureQuery f = FeatureRoutes.query(ctx);
        FeatureQuery filter = FeatureQuery.all()
                .dense(f.minDensity(), f.maxDensity())
                .scored(f.minScore())
                .grouped(f.group())
                .filtered("", f.language())
                .inSeeds(f.seeds());
        FeatureSearch.By way = by.equals("regex") ? FeatureSearch.By.REGEX : FeatureSearch.By.WORDS;
        int limit = Params.integer(ctx, "limit", 50);
        ctx.json(new Hits(query, bench.search().find(query, way, ctx.queryParam("sae"), filter, limit)));
    }

    private void neighbours(Context ctx) {
        String sae = ctx.pathParam("sae");
        String other = Params.text(ctx, "other", sae);
        int id = Params.id(ctx, "id");
        ctx.json(new Neighbours(
                sae, id, other, bench.search().neighbours(sae, id, other, Params.integer(ctx, "limit", 10))));
    }

    private void coactivation(Context ctx) {
        String sae = ctx.pathParam("sae");
        String other = Params.text(ctx, "other", sae);
        int id = Params.id(ctx, "id");
        int offset = Params.integer(ctx, "offset", 0);
        ctx.json(new Together(
                sae,
                id,
                other,
                offset,
                bench.search().coactivation(sae, id, other, offset, Params.integer(ctx, "limit", 50))));
    }

    @SuppressWarnings("ConstantValue") // JSON may leave a field out
    private void onText(Context ctx) {
        OnTextRequest r = Params.body(ctx, OnTextRequest.class);
        if (r.text() == null || r.text().isBlank()) {
            throw new UsageException("The text is empty; send {\"text\": \"...\"}.");
        }
        double most = r.maxDensity() == null ? 1 : r.maxDensity();
        ctx.json(bench.search()
                .onText(
                        ctx.pathParam("sae"),
                        r.text(),
                        r.positions() == null ? List.of() : r.positions(),
                        FeatureQuery.all().dense(0, most),
                        r.perToken() == null ? 5 : r.perToken(),
                        r.limit() == null ? 50 : r.limit()));
    }
}
