package dev.loupe.http;

import dev.loupe.service.Views;
import dev.loupe.service.Workbench;
import io.javalin.Javalin;
import io.javalin.http.Context;
import io.javalin.http.HttpResponseException;
import io.javalin.json.JavalinJackson3;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.node.ObjectNode;

/** Everything under {@code /api}. */
final class Api {
    private final List<Route> routes = new ArrayList<>();
    private final Javalin javalin;

    Api(Workbench bench, boolean ui, Metrics metrics) {
        routes.addAll(new CatalogRoutes(bench, ui).routes());
        routes.addAll(new NoteRoutes(bench).routes()); // names before the numbers of features
        routes.addAll(new FeatureRoutes(bench).routes());
        routes.addAll(new SearchRoutes(bench).routes());
        routes.addAll(new ExplainRoutes(bench).routes());
        routes.addAll(new NotebookRoutes(bench).routes());
        routes.addAll(new InspectRoutes(bench).routes());
        routes.addAll(new WorkRoutes(bench).routes());
        routes.addAll(new DiagnosticRoutes(bench).routes());
        routes.addAll(new PatchRoutes(bench).routes());
        routes.addAll(new CircuitRoutes(bench).routes());
        routes.addAll(new GraphRoutes(bench).routes());
        routes.addAll(new GraphTableRoutes(bench).routes());
        routes.addAll(new SteerRoutes(bench).routes());
        routes.addAll(new FinderRoutes(bench).routes());
        routes.addAll(new NeuronpediaRoutes(bench).routes());
        routes.addAll(new JobRoutes(bench).routes());
        routes.addAll(metrics.routes());
        routes.addAll(new Docs(this::document).routes());
        javalin = Javalin.create(config -> {
            config.startup.showJavalinBanner = false;
            config.startup.showOldJavalinVersionWarning = false;
            config.http.prefer405over404 = true;
            config.http.asyncTimeout = 0;
            config.jsonMapper(new JavalinJackson3(Views.JSON, false));
            for (Route r : routes) {
                config.routes.addHttpHandler(r.method(), r.path(), Asked.route("/api" + r.path(), r.handler()));
            }
            config.routes.after(Etags::mark);
            config.routes.exception(Exception.class, (e, ctx) -> {
                if (e instanceof Declined d && d.seconds() > 0) {
                    ctx.header("Retry-After", Long.toString(d.seconds()));
                }
                answer(ctx, Problem.of(e, path(ctx)));
            });
            config.routes.exception(HttpResponseException.class, (e, ctx) -> {
                ctx.status(e.getStatus());
                if (e.getStatus() != 404 && e.getStatus() != 405) { // those two have sentences of their own below
                    answer(ctx, Problem.of(e, path(ctx)));
                }
            });
            config.routes.error(
                    404,
                    ctx -> unless(
                            ctx, 404, "There is nothing at this address; the routes are listed at" + " /api/docs."));
            config.routes.error(405, ctx -> unless(ctx, 405, "This address does not take " + ctx.method() + "."));
        });
    }

    Javalin javalin() {
        return javalin;
    }

    List<Route> routes() {
        return routes;
    }

    private ObjectNode document() {
        return OpenApi.document(routes);
    }

    private static void unless(Context ctx, int status, String detail) {
        if (!Problem.MEDIA_TYPE.equals(ctx.res().getContentType())) {
            answer(ctx, Problem.of(status, detail, path(ctx)));
        }
    }

    private static void answer(Context ctx, Problem problem) {
        if (problem.status() == 413) {
            Unread.drop(ctx);
        }
        ctx.status(problem.status());
        ctx.result(Views.line(problem));
        ctx.contentType(Problem.MEDIA_TYPE);
    }

    private static String path(Context ctx) {
        return ctx.req().getRequestURI();
    }
}
