package dev.loupe.http;

import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.service.Requests;
import dev.loupe.service.SteerChat;
import dev.loupe.service.Workbench;
import dev.loupe.steer.ChatTurn;
import dev.loupe.steer.Dose;
import dev.loupe.steer.DoseResponse;
import dev.loupe.steer.SteerListener;
import dev.loupe.steer.SteerRequest;
import dev.loupe.steer.SteerResult;
import dev.loupe.steer.Variant;
import io.javalin.http.Context;
import io.javalin.http.HandlerType;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import tools.jackson.databind.JsonNode;

/** Steering and saved variants. */
final class SteerRoutes {
    private final Workbench bench;

    record VariantList(List<String> variants) {}

    SteerRoutes(Workbench bench) {
        this.bench = bench;
    }

    List<Route> routes() {
        Route put = Route.post("/variants/{name}", "Saves a variant.", Variant.class, Variant.class, this::save);
        Route delete = Route.delete("/variants/{name}", "Deletes a variant.", ctx -> {
            bench.steer().delete(ctx.pathParam("name"));
            ctx.json(Map.of("deleted", ctx.pathParam("name")));
        });
        return List.of(
                Route.post(
                        "/steer",
                        "Writes the default and the steered text; with \"stream\": true as server-sent events (text,"
                                + " then result).",
                        SteerRequest.class,
                        SteerResult.class,
                        this::steer),
                Route.post(
                        "/steer/chat",
                        "The next answer in two conversations, the model's own and the steered one, which may have grown"
                                + " apart; with \"stream\": true as server-sent events (text, then result).",
                        SteerChat.class,
                        ChatTurn.class,
                        this::chat),
                Route.post(
                        "/steer/sweep",
                        "A variant at several strengths: KL on neutral texts, perplexity and repetition of what is written,"
                                + " share of texts in a target language.",
                        Dose.class,
                        DoseResponse.class,
                        this::sweep),
                Route.get(
                        "/variants",
                        "Names of the saved variants.",
                        VariantList.class,
                        ctx -> ctx.json(new VariantList(bench.steer().variants()))),
                Route.get(
                        "/variants/{name}",
                        "A saved variant.",
                        Variant.class,
                        ctx -> ctx.json(bench.steer().variant(ctx.pathParam("name")))),
                put.by(HandlerType.PUT),
                delete);
    }

    private void steer(Context ctx) {
        JsonNode body = body(ctx);
        SteerRequest request = Requests.read(body, SteerRequest.class, "stream");
        request.check();
        answer(ctx, body, (listener, progress) -> bench.steer().run(request, listener, progress));
    }

    private void chat(Context ctx) {
        JsonNode body = body(ctx);
        SteerChat request = Requests.read(body, SteerChat.class, "stream");
        answer(ctx, body, (listener, progress) -> bench.chats().answer(request, listener, progress));
    }

    private static JsonNode body(Context ctx) {
        JsonNode body = Params.body(ctx, JsonNode.class);
        if (body.path("variant").isObject()) {
            Variant.of(body.path("variant")); // refuses fields that nobody knows
        }
        return body;
    }

    /** Answers whole, or as server-sent events. */
    private static void answer(Context ctx, JsonNode body, BiFunction<SteerListener, Progress, Object> write) {
        if (!body.path("stream").asBoolean(false)) {
            ctx.json(write.apply(SteerListener.silent(), new Caller(ctx).progress()));
            return;
        }
        EventStream events = new EventStream(ctx);
        try {
            Object result = write.apply(
                    (steered, text) -> events.send(null, "text", Map.of("steered", steered, "text", text)),
                    Progress.until(() -> !events.open()));
            events.send(null, "result", result);
        } catch (LoupeException e) {
            events.send(null, "error", Problem.of(e, ctx.path()));
        }
    }

    private void sweep(Context ctx) {
        ctx.json(bench.steer().sweep(Requests.read(body(ctx), Dose.class), new Caller(ctx).progress()));
    }

    private void save(Context ctx) {
        Variant v = Variant.of(Params.body(ctx, JsonNode.class));
        Variant named = v.named(ctx.pathParam("name"));
        bench.steer().save(named);
        ctx.json(named);
    }
}
