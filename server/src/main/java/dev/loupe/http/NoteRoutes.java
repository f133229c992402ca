package dev.loupe.http;

import dev.loupe.base.UsageException;
import dev.loupe.service.Explanation;
import dev.loupe.service.FeatureExchange;
import dev.loupe.service.FeatureList;
import dev.loupe.service.Note;
import dev.loupe.service.Workbench;
import io.javalin.http.Context;
import io.javalin.http.HandlerType;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Notes, lists and explanations of features, and features for other programs. */
final class NoteRoutes {
    private static final String PAGE_POLICY =
            "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    private final Workbench bench;

    /** A note's new text and the version that was changed (0 for a new one). */
    record NoteRequest(String text, @Nullable Long version) {}

    /** A list's new content and the version that was changed (0 for a new one). */
    record ListRequest(
            @Nullable String description,
            @Nullable List<FeatureList.Item> features,
            @Nullable Long version) {}

    record NoteList(List<Note> notes) {}

    record Lists(List<String> lists) {}

    record Explanations(List<Explanation> explanations) {}

    /**
     * What was taken in.
     *
     * @param explanations how many
     */
    record Taken(int explanations) {}

    NoteRoutes(Workbench bench) {
        this.bench = bench;
    }

    List<Route> routes() {
        // long: a table of routes
        Route putNote = Route.post(
                        "/features/{sae}/{id}/note",
                        "Saves the note on a feature; 409 if somebody else changed it meanwhile.",
                        NoteRequest.class,
                        Note.class,
                        this::saveNote)
                .by(HandlerType.PUT);
        Route putList = Route.post(
                        "/lists/{name}",
                        "Saves a list of features; 409 if somebody else changed it meanwhile.",
                        ListRequest.class,
                        FeatureList.class,
                        this::saveList)
                .by(HandlerType.PUT);
        Route delete = Route.delete("/lists/{name}", "Deletes a list.", ctx -> {
            bench.notes().deleteList(ctx.pathParam("name"));
            ctx.json(Map.of("deleted", ctx.pathParam("name")));
        });
        return List.of(
                Route.get(
                        "/features/{sae}/notes",
                        "All notes on features of an SAE.",
                        NoteList.class,
                        ctx -> ctx.json(new NoteList(bench.notes().notes(ctx.pathParam("sae"))))),
                Route.get(
                        "/features/{sae}/{id}/note",
                        "The note on a feature; empty and of version 0 if there is none.",
                        Note.class,
                        ctx -> ctx.json(bench.notes().note(ctx.pathParam("sae"), Params.id(ctx, "id")))),
                putNote,
                Route.get(
                        "/features/{sae}/{id}/explanations",
                        "What language models and other programs say about a feature.",
                        Explanations.class,
                        ctx -> ctx.json(new Explanations(
                                bench.notes().explanations(ctx.pathParam("sae"), Params.id(ctx, "id"))))),
                Route.get(
                        "/lists",
                        "Names of the lists of features.",
                        Lists.class,
                        ctx -> ctx.json(new Lists(bench.notes().lists()))),
                Route.get(
                        "/lists/{name}",
                        "A list of features.",
                        FeatureList.class,
                        ctx -> ctx.json(bench.notes().list(ctx.pathParam("name")))),
                putList,
                delete,
                Route.get(
                                "/lists/{name}/html",
                                "A list as one page of HTML that needs no server.",
                                FeatureList.class,
                                ctx -> page(
                                        ctx,
                                        bench.featureExchange()
                                                .html(bench.notes().list(ctx.pathParam("name")))))
                        .of("text/html"),
                Route.get(
                                "/features/{sae}/export",
                                "Features as Neuronpedia's JSON lines, or as one page of HTML that needs no server.",
                                FeatureList.class,
                                this::export,
                                new Route.Query("format", "string", "neuronpedia (unless said) or html"),
                                new Route.Query(
                                        "kind", "string", "features (unless said), activations or explanations"),
                                new Route.Query("ids", "string", "numbers with commas between; all unless said"))
                        .of("application/x-ndjson")
                        .working(),
                Route.post(
                        "/features/{sae}/explanations",
                        "Takes explanations in Neuronpedia's JSON lines.",
                        null,
                        Taken.class,
                        ctx -> ctx.json(new Taken(
                                bench.featureExchange().takeExplanations(ctx.pathParam("sae"), ctx.body())))));
    }

    @SuppressWarnings("ConstantValue") // JSON may leave a field out
    private void saveNote(Context ctx) {
        NoteRequest r = Params.body(ctx, NoteRequest.class);
        if (r.text() == null) {
            throw new UsageException("The note lacks its text; send {\"text\": \"...\", \"version\": 0}.");
        }
        ctx.json(bench.notes()
                .save(ctx.pathParam("sae"), Params.id(ctx, "id"), r.text(), r.version() == null ? 0 : r.version()));
    }

    private void saveList(Context ctx) {
        ListRequest r = Params.body(ctx, ListRequest.class);
        ctx.json(bench.notes()
                .save(new FeatureList(
                        ctx.pathParam("name"),
                        r.description() == null ? "" : r.description(),
                        r.features() == null ? List.of() : r.features(),
                        r.version() == null ? 0 : r.version(),
                        Instant.EPOCH)));
    }

    /** A page that brings its own style and nothing else: no script, no address outside. */
    private static void page(Context ctx, String html) {
        ctx.header("Content-Security-Policy", PAGE_POLICY)
                .contentType("text/html; charset=utf-8")
                .result(html);
    }

    private void export(Context ctx) {
        String sae = ctx.pathParam("sae");
        List<Integer> ids = ids(Params.text(ctx, "ids", ""));
        String format = Params.text(ctx, "format", "neuronpedia");
        switch (format) {
            case "html" -> page(ctx, bench.featureExchange().html(sae, ids, "Features of " + sae));
            case "neuronpedia" -> {
                String kind = Params.text(ctx, "kind", "features");
                FeatureExchange.Lines lines = Arrays.stream(FeatureExchange.Lines.values())
                        .filter(l -> l.name().toLowerCase(Locale.ROOT).equals(kind))
                        .findFirst()
                        .orElseThrow(() -> new UsageException(
                                "kind is features, activations or explanations, not \"" + kind + "\"."));
                ctx.contentType("application/x-ndjson");
                bench.featureExchange().neuronpedia(sae, ids, lines, some -> send(ctx, some));
            }
            default -> throw new UsageException("format is neuronpedia or html, not \"" + format + "\".");
        }
    }

    /** Sends lines at once, so that a client sees that they come, and one that has gone stops the work. */
    private static void send(Context ctx, List<String> lines) {
        try {
            OutputStream out = ctx.outputStream();
            for (String line : lines) {
                out.write((line + "\n").getBytes(StandardCharsets.UTF_8));
            }
            out.flush();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static List<Integer> ids(String text) {
        if (text.isBlank()) {
            return List.of();
        }
        try {
            return Arrays.stream(text.split(","))
                    .map(s -> Integer.valueOf(s.strip()))
                    .toList();
        } catch (NumberFormatException e) {
            throw new UsageException("ids is \"" + text + "\"; it must be numbers with commas between.");
        }
    }
}
