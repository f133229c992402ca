package dev.loupe.http;

import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.inspect.AblationEffect;
import dev.loupe.inspect.AttentionPattern;
import dev.loupe.inspect.InspectedText;
import dev.loupe.inspect.LensGrid;
import dev.loupe.inspect.LogitAttribution;
import dev.loupe.service.InspectRequest;
import dev.loupe.service.Workbench;
import io.javalin.http.Context;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The text inspector. */
final class InspectRoutes {
    private final Workbench bench;

    /** A text, and how many positions are taken out one by one (8 unless said). */
    record AblationRequest(String text, @Nullable Integer positions) {}

    InspectRoutes(Workbench bench) {
        this.bench = bench;
    }

    List<Route> routes() {
        return List.of(
                Route.post(
                        "/inspect/tokens",
                        "A text as a model reads it, with what was cut.",
                        InspectRequest.class,
                        InspectedText.class,
                        ctx -> ctx.json(bench.inspect().text(request(ctx)))),
                Route.post(
                        "/inspect/lens",
                        "The logit lens at every layer and position, the last norm applied.",
                        InspectRequest.class,
                        LensGrid.class,
                        ctx -> ctx.json(bench.inspect().lens(request(ctx), Progress.silent()))),
                Route.post(
                        "/inspect/attention",
                        "The attention pattern of every head of a layer.",
                        InspectRequest.class,
                        AttentionPattern.class,
                        ctx -> ctx.json(bench.inspect().attention(request(ctx)))),
                Route.post(
                        "/inspect/attribution",
                        "What embedding, layers, heads and latents add to a logit directly.",
                        InspectRequest.class,
                        LogitAttribution.class,
                        ctx -> ctx.json(bench.inspect().attribution(request(ctx)))),
                Route.post(
                        "/features/{sae}/{id}/ablation",
                        "What the model loses on a text when a feature is taken out.",
                        AblationRequest.class,
                        AblationEffect.class,
                        this::ablation));
    }

    private static InspectRequest request(Context ctx) {
        return Params.body(ctx, InspectRequest.class);
    }

    @SuppressWarnings("ConstantValue") // JSON may leave a field out
    private void ablation(Context ctx) {
        AblationRequest r = Params.body(ctx, AblationRequest.class);
        if (r.text() == null || r.text().isBlank()) {
            throw new UsageException("The text is empty; send {\"text\": \"...\"}.");
        }
        ctx.json(bench.inspect()
                .ablation(
                        ctx.pathParam("sae"),
                        Params.id(ctx, "id"),
                        r.text(),
                        r.positions() == null ? 8 : r.positions(),
                        Progress.silent()));
    }
}
