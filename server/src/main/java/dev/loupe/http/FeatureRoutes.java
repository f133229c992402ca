package dev.loupe.http;

import dev.loupe.base.NotFoundException;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.diagnose.memory.NeuronCorrelation;
import dev.loupe.feature.FeatureDetail;
import dev.loupe.feature.FeatureGroup;
import dev.loupe.map.DecoderMap;
import dev.loupe.service.Counterpart;
import dev.loupe.service.FeaturePage;
import dev.loupe.service.FeatureQuery;
import dev.loupe.service.GroupCount;
import dev.loupe.service.NeuronAlignment;
import dev.loupe.service.TextTest;
import dev.loupe.service.Workbench;
import io.javalin.http.Context;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Features: lists, pages, search, and a text to test them on. */
final class FeatureRoutes {
    private final Workbench bench;

    /** A text for features: {@code ids} empty means the strongest. */
    record TestRequest(
            String text,
            @Nullable List<Integer> ids,
            @Nullable Integer limit) {}

    record Groups(List<GroupCount> groups) {}

    FeatureRoutes(Workbench bench) {
        this.bench = bench;
    }

    List<Route> routes() {
        // long: a table of routes
        return List.of(
                Route.get(
                        "/features/{sae}",
                        "The features of an SAE.",
                        FeaturePage.class,
                        this::list,
                        new Route.Query(
                                "sort",
                                "string",
                                "one of " + String.join(", ", FeatureQuery.SORTS) + "; contextual unless said"),
                        new Route.Query(
                                "descending", "boolean", "largest first; false unless said (with no sort: true)"),
                        new Route.Query("text", "string", "only features whose number, label or top token holds this"),
                        new Route.Query("language", "string", "only features that fire most on this label"),
                        new Route.Query("group", "string", "only one kind: one of " + FeatureGroup.keys()),
                        new Route.Query("seeds", "string", "found in all, some or none of the compared other seeds"),
                        new Route.Query("min_density", "number", "0 unless said"),
                        new Route.Query("max_density", "number", "1 unless said"),
                        new Route.Query("min_score", "number", "least held-out balanced accuracy of the label"),
                        new Route.Query("dead", "boolean", "whether to show features that never fire"),
                        new Route.Query("offset", "integer", "how many to leave out at the front"),
                        new Route.Query("limit", "integer", "at most so many; 100 unless said, 0 for all")),
                Route.get(
                        "/features/{sae}/groups",
                        "The built-in lists with how many features each has, beside the random-model control's.",
                        Groups.class,
                        ctx -> ctx.json(new Groups(bench.controls().groups(ctx.pathParam("sae"))))),
                Route.get(
                                "/features/{sae}/map",
                                "The latents of an SAE in a plane (t-SNE of decoder directions), drawn once and kept.",
                                DecoderMap.class,
                                // the next who asks finds what one who left began
                                ctx -> ctx.json(bench.pictures().map(ctx.pathParam("sae"), Progress.silent())))
                        .working(),
                Route.get(
                        "/features/{sae}/training",
                        "The curves of an SAE's training, by name; each has a value for every \"step\".",
                        Training.class,
                        this::training),
                Route.get(
                        "/features/{sae}/{id}",
                        "Everything about a feature.",
                        FeatureDetail.class,
                        ctx -> ctx.json(bench.features().detail(ctx.pathParam("sae"), Params.id(ctx, "id")))),
                Route.get(
                                "/features/{sae}/{id}/neurons",
                                "The neurons that a feature lies along: the largest entries of its decoder row, and the MLP neurons of"
                                        + " the model that write its direction.",
                                NeuronAlignment.class,
                                ctx -> ctx.json(bench.alignments()
                                        .of(
                                                ctx.pathParam("sae"),
                                                Params.id(ctx, "id"),
                                                Params.integer(ctx, "limit", 10),
                                                Params.flag(ctx, "writers", true))),
                                new Route.Query("limit", "integer", "at most so many of each; 10 unless said"),
                                new Route.Query(
                                        "writers",
                                        "boolean",
                                        "whether the model's MLP neurons are looked through; true unless said"))
                        .working(),
                Route.get(
                                "/features/{sae}/{id}/correlations",
                                "The MLP neurons, and the dimensions of the SAE's place, whose activations go together with a feature's"
                                        + " on a text.",
                                NeuronCorrelation.class,
                                ctx -> ctx.json(bench.alignments()
                                        .correlated(
                                                ctx.pathParam("sae"),
                                                Params.id(ctx, "id"),
                                                Params.integer(ctx, "limit", 10),
                                                Params.integer(ctx, "tokens", 0),
                                                new Caller(ctx).progress())),
                                new Route.Query("limit", "integer", "at most so many of each; 10 unless said"),
                                new Route.Query(
                                        "tokens",
                                        "integer",
                                        "about how many tokens are read; unless said, as many as the model reads in some ten seconds"))
                        .working(),
                Route.get(
                                "/features/{sae}/{id}/counterparts",
                                "The same feature in compared SAEs, and the nearest by cosine of decoder rows in every other seed.",
                                FoundAgain.class,
                                ctx -> ctx.json(new FoundAgain(
                                        bench.counterparts().everywhere(ctx.pathParam("sae"), checked(ctx)))))
                        .working(),
                Route.post(
                        "/features/{sae}/test",
                        "What features do on a text.",
                        TestRequest.class,
                        TextTest.class,
                        this::test));
    }

    record FoundAgain(List<Counterpart> counterparts) {}

    /** The number of a feature that there is. */
    private int checked(Context ctx) {
        int id = Params.id(ctx, "id");
        String sae = ctx.pathParam("sae");
        int all = bench.saes().get(sae).dSae();
        if (id < 0 || id >= all) {
            throw new NotFoundException(
                    "The SAE " + sae + " has no feature " + id + "; its features are 0 to " + (all - 1) + ".");
        }
        return id;
    }

    /**
     * Curves of a training.
     *
     * @param curves by name, all as long as the one named {@code step}; null where nothing was measured
     */
    record Training(Map<String, List<@Nullable Double>> curves) {}

    private void training(Context ctx) {
        String sae = ctx.pathParam("sae");
        Map<String, double[]> found = bench.pictures()
                .training(sae)
                .orElseThrow(() -> new NotFoundException(
                        "The SAE " + sae + " was not trained here: there are no curves of its training."));
        Map<String, List<@Nullable Double>> curves = new LinkedHashMap<>();
        found.forEach((name, values) -> {
            List<@Nullable Double> curve = new ArrayList<>();
            for (double v : values) {
                curve.add(Double.isFinite(v) ? v : null);
            }
            curves.put(name, curve);
        });
        ctx.json(new Training(curves));
    }

    private void list(Context ctx) {
        ctx.json(bench.features().list(ctx.pathParam("sae"), query(ctx)));
    }

    /** The filters, order and page that a request's parameters ask for. */
    static FeatureQuery query(Context ctx) {
        return new FeatureQuery(
                Params.text(ctx, "sort", "contextual"),
                Params.flag(ctx, "descending", ctx.queryParam("sort") == null),
                Params.text(ctx, "text", ""),
                Params.text(ctx, "language", ""),
                Params.text(ctx, "group", ""),
                Params.text(ctx, "seeds", ""),
                Params.number(ctx, "min_density", 0),
                Params.number(ctx, "max_density", 1),
                Params.flag(ctx, "dead", false),
                Params.integer(ctx, "offset", 0),
                Params.integer(ctx, "limit", 100),
                Params.number(ctx, "min_score", 0));
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
}
