package dev.loupe.http;

import dev.loupe.service.Models;
import dev.loupe.service.Views;
import dev.loupe.service.Workbench;
import io.javalin.Javalin;
import io.javalin.http.Context;
import io.javalin.http.HttpResponseException;
import io.javalin.json.JavalinJackson3;
import java.time.Instant;
import java.util.List;

/** The OpenAI-compatible surface under {@code /v1}: any program that speaks that protocol can ask a steered model. */
final class V1 {
    private final Workbench bench;
    private final long started = Instant.now().getEpochSecond();
    private final Javalin javalin;

    record Model(String id, String object, long created, String ownedBy) {}

    record ModelList(String object, List<Model> data) {}

    V1(Workbench bench) {
        this.bench = bench;
        Completions completions = new Completions(bench);
        Chats chats = new Chats(bench);
        this.javalin = Javalin.create(config -> {
            config.startup.showJavalinBanner = false;
            config.startup.showOldJavalinVersionWarning = false;
            config.http.prefer405over404 = true;
            config.http.asyncTimeout = 0;
            config.jsonMapper(new JavalinJackson3(Views.JSON, false));
            config.routes.get(
                    "/models",
                    Asked.route(
                            "/v1/models",
                            ctx -> ctx.json(new ModelList(
                                    "list",
                                    bench.models().list().stream()
                                            .map(m -> model(m.id()))
                                            .toList()))));
            config.routes.get("/models/{model}", Asked.route("/v1/models/{model}", this::one));
            config.routes.post("/completions", Asked.route("/v1/completions", completions::handle));
            config.routes.post("/chat/completions", Asked.route("/v1/chat/completions", chats::handle));
            config.routes.exception(Exception.class, V1::failed);
            config.routes.exception(HttpResponseException.class, V1::failed); // a body that is too long
            config.routes.error(
                    404,
                    ctx -> unless(
                            ctx,
                            404,
                            "There is nothing at " + ctx.req().getRequestURI()
                                    + "; this server has /v1/models, /v1/completions and /v1/chat/completions."));
            config.routes.error(405, ctx -> unless(ctx, 405, "This address does not take " + ctx.method() + "."));
        });
    }

    Javalin javalin() {
        return javalin;
    }

    private void one(Context ctx) {
        String id = ctx.pathParam("model");
        int at = id.lastIndexOf('@');
        if (at > 0) {
            bench.steer().variant(id.substring(at + 1));
        }
        bench.models().folder(at > 0 ? id.substring(0, at) : id);
        ctx.json(model(id));
    }

    private Model model(String id) {
        return new Model(id, "model", started, id.equals(Models.BUILTIN) ? "loupe" : "user");
    }

    private static void failed(Exception e, Context ctx) {
        Problem p = Problem.of(e, ctx.req().getRequestURI());
        if (p.status() == 413) {
            Unread.drop(ctx);
        }
        String param = e instanceof BadParameter b ? b.param() : null;
        answer(ctx, p.status() == 422 ? 400 : p.status(), OpenAiError.of(p.status(), p.detail(), param));
    }

    private static void unless(Context ctx, int status, String message) {
        if (!"application/json".equals(ctx.res().getContentType())) {
            answer(ctx, status, OpenAiError.of(status, message));
        }
    }

    private static void answer(Context ctx, int status, OpenAiError error) {
        ctx.status(status);
        ctx.result(Views.line(error));
        ctx.contentType("application/json");
    }
}
