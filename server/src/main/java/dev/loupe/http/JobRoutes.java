package dev.loupe.http;

import dev.loupe.base.UsageException;
import dev.loupe.service.Curve;
import dev.loupe.service.Job;
import dev.loupe.service.JobEvent;
import dev.loupe.service.Workbench;
import io.javalin.http.Context;
import java.util.List;
import tools.jackson.databind.JsonNode;

/** Jobs: what runs, what ran, starting and stopping, and their events while they happen. */
final class JobRoutes {
    private final Workbench bench;

    record JobList(List<Job> jobs) {}

    record Curves(String job, List<Curve> curves) {}

    /** What to start: a kind, and the request of that kind's command. */
    record Start(String kind, JsonNode request) {}

    JobRoutes(Workbench bench) {
        this.bench = bench;
    }

    List<Route> routes() {
        return List.of(
                Route.get(
                        "/jobs",
                        "All jobs, newest first.",
                        JobList.class,
                        ctx -> ctx.json(new JobList(bench.jobs().list()))),
                Route.post(
                        "/jobs",
                        "Starts a job (capture, train, eval, index, compare).",
                        Start.class,
                        Job.class,
                        this::start),
                Route.get(
                        "/jobs/{id}",
                        "A job.",
                        Job.class,
                        ctx -> ctx.json(bench.jobs().get(ctx.pathParam("id")))),
                Route.get(
                        "/jobs/{id}/curves",
                        "The live curves of a job.",
                        Curves.class,
                        ctx -> ctx.json(
                                new Curves(ctx.pathParam("id"), bench.jobs().curves(ctx.pathParam("id"))))),
                Route.get(
                                "/jobs/{id}/events",
                                "The events of a job as they happen (server-sent events).",
                                JobEvent.class,
                                this::events,
                                new Route.Query("from", "integer", "number of the first event; 0 unless said"))
                        .of("text/event-stream"),
                Route.post("/jobs/{id}/cancel", "Asks a job to stop.", null, Job.class, ctx -> {
                    bench.jobs().cancel(ctx.pathParam("id"));
                    ctx.json(bench.jobs().get(ctx.pathParam("id")));
                }));
    }

    @SuppressWarnings("ConstantValue") // JSON may leave a field out
    private void start(Context ctx) {
        Start start = Params.body(ctx, Start.class);
        if (start.kind() == null || start.request() == null) {
            throw new UsageException("Send {\"kind\": \"train\", \"request\": {...}}.");
        }
        ctx.status(202).json(bench.jobs().start(start.kind(), start.request()));
    }

    private void events(Context ctx) {
        String id = ctx.pathParam("id");
        bench.jobs().get(id); // no such job: a problem, not a stream
        String last = ctx.header("Last-Event-ID");
        int from = Params.integer(ctx, "from", 0);
        if (last != null && last.strip().matches("\\d{1,9}")) {
            from = Integer.parseInt(last.strip()) + 1;
        }
        EventStream stream = new EventStream(ctx);
        long[] pinged = {System.nanoTime()};
        bench.jobs().follow(id, from, e -> stream.send(String.valueOf(e.seq()), e.type(), e), () -> {
            if (System.nanoTime() - pinged[0] > 5_000_000_000L) {
                stream.ping();
                pinged[0] = System.nanoTime();
            }
            return !stream.open();
        });
        stream.send(null, "end", bench.jobs().get(id));
    }
}
