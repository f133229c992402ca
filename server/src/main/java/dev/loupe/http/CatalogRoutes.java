package dev.loupe.http;

import dev.loupe.base.UsageException;
import dev.loupe.model.HookInfo;
import dev.loupe.service.ModelView;
import dev.loupe.service.Overview;
import dev.loupe.service.SaeRow;
import dev.loupe.service.StoreRow;
import dev.loupe.service.StoreView;
import dev.loupe.service.Workbench;
import io.javalin.http.Context;
import java.lang.management.ManagementFactory;
import java.util.List;

/** What there is: health, models, stores, SAEs. */
final class CatalogRoutes {
    private static final int MOST_ROWS = 1000;

    private final Workbench bench;
    private final boolean ui;

    /**
     * Whether the server is well.
     *
     * @param status "ok"
     * @param ui whether it has the web pages
     * @param uptimeSeconds since it started
     */
    record Health(String status, boolean ui, double uptimeSeconds) {}

    record ModelList(List<ModelView> models) {}

    /**
     * A hook point of a model.
     *
     * @param name TransformerLens name
     * @param shape of its activations
     * @param width values for each position; negative where that varies, as with attention patterns
     * @param meaning what it is
     */
    record Hook(String name, String shape, int width, String meaning) {
        static Hook of(HookInfo h) {
            return new Hook(h.name(), h.shape(), h.width(), h.meaning());
        }
    }

    record HookList(String model, List<Hook> hooks) {}

    record StoreList(List<StoreView> stores) {}

    record Head(String store, List<StoreRow> rows) {}

    record SaeList(List<SaeRow> saes) {}

    CatalogRoutes(Workbench bench, boolean ui) {
        this.bench = bench;
        this.ui = ui;
    }

    List<Route> routes() {
        return List.of(
                Route.get("/health", "Whether the server is well.", Health.class, this::health),
                Route.get(
                        "/overview",
                        "Everything of the workspace at one look.",
                        Overview.class,
                        ctx -> ctx.json(bench.overview())),
                Route.get(
                        "/models",
                        "Language models.",
                        ModelList.class,
                        ctx -> ctx.json(new ModelList(bench.models().list()))),
                Route.get(
                        "/models/{model}",
                        "A language model.",
                        ModelView.class,
                        ctx -> ctx.json(bench.models().get(ctx.pathParam("model")))),
                Route.get("/models/{model}/hooks", "The hook points of a model.", HookList.class, this::hooks),
                Route.get(
                        "/stores",
                        "Activation stores.",
                        StoreList.class,
                        ctx -> ctx.json(new StoreList(bench.stores().list()))),
                Route.get(
                        "/stores/{store}",
                        "An activation store.",
                        StoreView.class,
                        ctx -> ctx.json(bench.stores().get(ctx.pathParam("store")))),
                Route.get(
                        "/stores/{store}/head",
                        "The first rows of a store.",
                        Head.class,
                        this::head,
                        new Route.Query("rows", "integer", "how many; 10 unless said")),
                Route.get(
                        "/saes",
                        "SAEs with their reports.",
                        SaeList.class,
                        ctx -> ctx.json(new SaeList(bench.saeRows()))),
                Route.get(
                        "/saes/{sae}",
                        "An SAE with its report.",
                        SaeRow.class,
                        ctx -> ctx.json(bench.saeRow(ctx.pathParam("sae")))));
    }

    private void health(Context ctx) {
        double uptime = ManagementFactory.getRuntimeMXBean().getUptime() / 1000.0;
        ctx.json(new Health("ok", ui, uptime));
    }

    private void hooks(Context ctx) {
        String model = ctx.pathParam("model");
        ctx.json(new HookList(
                model, bench.models().hooks(model).stream().map(Hook::of).toList()));
    }

    private void head(Context ctx) {
        String store = ctx.pathParam("store");
        int rows = Params.integer(ctx, "rows", 10);
        if (rows < 1 || rows > MOST_ROWS) {
            throw new UsageException("rows is 1 to " + MOST_ROWS + ", not " + rows + ".");
        }
        ctx.json(new Head(store, bench.stores().head(store, rows)));
    }
}
