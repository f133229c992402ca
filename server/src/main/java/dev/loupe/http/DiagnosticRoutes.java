package dev.loupe.http;

import dev.loupe.base.NotFoundException;
import dev.loupe.diagnose.About;
import dev.loupe.diagnose.Diagnostic;
import dev.loupe.diagnose.DiagnosticResult;
import dev.loupe.diagnose.gallery.Diagnostics;
import dev.loupe.diagnose.memory.NeuronCard;
import dev.loupe.service.DiagnoseSpec;
import dev.loupe.service.Job;
import dev.loupe.service.Workbench;
import io.javalin.http.Context;
import java.io.IOException;
import java.nio.file.Files;
import java.util.List;

/** Diagnostics from the literature and their results. */
final class DiagnosticRoutes {
    private static final String ARROW = "application/vnd.apache.arrow.file";

    private final Workbench bench;

    record DiagnosticList(List<About> diagnostics, List<String> results) {}

    DiagnosticRoutes(Workbench bench) {
        this.bench = bench;
    }

    List<Route> routes() {
        return List.of(
                Route.get(
                        "/diagnostics",
                        "The diagnostics there are, and the names of saved results, newest first.",
                        DiagnosticList.class,
                        ctx -> ctx.json(new DiagnosticList(
                                Diagnostics.all().stream()
                                        .map(Diagnostic::about)
                                        .toList(),
                                bench.diagnose().list()))),
                Route.post("/diagnostics", "Runs diagnostics in a job.", DiagnoseSpec.class, Job.class, ctx -> {
                    DiagnoseSpec spec = Params.body(ctx, DiagnoseSpec.class);
                    bench.diagnose().check(spec); // refused before a job is written down
                    ctx.status(202).json(bench.jobs().start("diagnose", spec));
                }),
                Route.get(
                        "/diagnostics/{id}",
                        "The saved result of a diagnostic.",
                        DiagnosticResult.class,
                        ctx -> ctx.json(bench.diagnose().get(ctx.pathParam("id")))),
                Route.get(
                                "/diagnostics/{id}/table",
                                "The table of a saved result as an Arrow IPC file.",
                                DiagnosticResult.class,
                                this::table)
                        .of(ARROW),
                Route.get(
                                "/neurons/{layer}/{neuron}",
                                "An MLP neuron as a key (where it is strongest) and a value (what it promotes).",
                                NeuronCard.class,
                                ctx -> ctx.json(bench.diagnose()
                                        .neuron(
                                                ctx.queryParam("model"),
                                                number(ctx, "layer"),
                                                number(ctx, "neuron"),
                                                new Caller(ctx).progress())),
                                new Route.Query("model", "string", "a model's name; the embedded one if absent"))
                        .working());
    }

    private void table(Context ctx) throws IOException {
        String id = ctx.pathParam("id");
        bench.diagnose().get(id);
        ctx.contentType(ARROW)
                .header("Content-Disposition", "attachment; filename=\"" + id + ".arrow\"")
                .result(Files.newInputStream(bench.diagnose().tableFile(id)));
    }

    private static int number(Context ctx, String name) {
        try {
            return Integer.parseInt(ctx.pathParam(name));
        } catch (NumberFormatException e) {
            throw new NotFoundException(
                    "There is no neuron " + ctx.pathParam(name) + ": a neuron has two numbers, layer and place.");
        }
    }
}
