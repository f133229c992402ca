package dev.loupe.http;

import dev.loupe.service.ArrowJson;
import dev.loupe.service.ArrowRequest;
import dev.loupe.service.Notebooks;
import dev.loupe.service.Workbench;
import io.javalin.http.Context;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.List;

/** Arrays for notebooks, as Arrow IPC streams, or as JSON where the caller takes nothing else. */
final class NotebookRoutes {
    /** Arrow's media type of a stream. */
    static final String ARROW = "application/vnd.apache.arrow.stream";

    private final Workbench bench;

    NotebookRoutes(Workbench bench) {
        this.bench = bench;
    }

    List<Route> routes() {
        return List.of(
                Route.post(
                                "/activations",
                                "Activations of texts at hook points, one row per position, one record batch per text.",
                                ArrowRequest.class,
                                ArrowRequest.class,
                                ctx -> answer(ctx, bench.notebooks().activations(Params.body(ctx, ArrowRequest.class))))
                        .of(ARROW),
                Route.post(
                                "/encode",
                                "Active latents of an SAE on texts or vectors, one row per position.",
                                ArrowRequest.class,
                                ArrowRequest.class,
                                ctx -> answer(ctx, bench.notebooks().encode(Params.body(ctx, ArrowRequest.class))))
                        .of(ARROW));
    }

    /** Arrow, or JSON for those who ask for it alone. */
    private static void answer(Context ctx, Notebooks.Answer answer) throws IOException {
        String accept = ctx.header("Accept");
        if (accept != null && accept.contains("application/json") && !accept.contains("*/*")) {
            ByteArrayOutputStream whole = new ByteArrayOutputStream();
            answer.write(whole);
            ctx.result(ArrowJson.of(whole.toByteArray())).contentType("application/json");
            return;
        }
        ctx.contentType(ARROW);
        answer.write(ctx.outputStream());
    }
}
