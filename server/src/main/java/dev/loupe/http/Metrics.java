package dev.loupe.http;

import dev.loupe.base.LoupeException;
import dev.loupe.model.TokensWritten;
import dev.loupe.service.Job;
import dev.loupe.service.JobState;
import dev.loupe.service.Workbench;
import io.javalin.http.Context;
import io.prometheus.metrics.core.metrics.CounterWithCallback;
import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.core.metrics.Histogram;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import io.prometheus.metrics.instrumentation.jvm.JvmMetrics;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntSupplier;

/**
 * What monitoring asks of a server, in Prometheus' text format 0.0.4. Labels have few values each: methods, the templates
 * of routes, status codes, states; never a name that somebody chose. The JVM's own figures (heap, memory outside of it,
 * threads, collections, file handles, resident memory) have the names that Prometheus' Java library gives them everywhere.
 */
final class Metrics {
    private static final Set<String> METHODS = Set.of("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH");
    private static final double[] SECONDS = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60};

    private final PrometheusRegistry registry = new PrometheusRegistry();
    private final PrometheusTextFormatWriter writer = PrometheusTextFormatWriter.create();
    private final AtomicInteger streams = new AtomicInteger();
    private final Histogram requests;

    /**
     * Metrics of one server.
     *
     * @param sessions how many browser sessions are open
     */
    Metrics(Workbench bench, IntSupplier sessions) {
        JvmMetrics.builder().register(registry);
        requests = Histogram.builder()
                .name("loupe_http_request_seconds")
                .help("Time from a request's arrival to the end of its answer.")
                .labelNames("method", "route", "status")
                .classicOnly()
                .classicUpperBounds(SECONDS)
                .register(registry);
        GaugeWithCallback.builder()
                .name("loupe_streams")
                .help("Answers that are being sent as server-sent events.")
                .callback(c -> c.call(streams.get()))
                .register(registry);
        GaugeWithCallback.builder()
                .name("loupe_sessions")
                .help("Open sessions of browsers.")
                .callback(c -> c.call(sessions.getAsInt()))
                .register(registry);
        CounterWithCallback.builder()
                .name("loupe_tokens_generated_total")
                .help("Tokens that the models of this process have written.")
                .callback(c -> c.call(TokensWritten.count()))
                .register(registry);
        GaugeWithCallback.builder()
                .name("loupe_jobs")
                .help("Jobs of the workspace by their state.")
                .labelNames("state")
                .callback(c ->
                        jobs(bench).forEach((state, n) -> c.call(n, state.name().toLowerCase(Locale.ROOT))))
                .register(registry);
    }

    List<Route> routes() {
        return List.of(Route.get(
                        "/metrics",
                        "Figures for monitoring, in Prometheus' text format: requests, streams, sessions, jobs, tokens,"
                                + " memory, threads.",
                        Object.class,
                        this::show)
                .of("text/plain"));
    }

    void request(String method, String route, int status, double seconds) {
        requests.labelValues(METHODS.contains(method) ? method : "other", route, Integer.toString(status))
                .observe(seconds);
    }

    void streamBegins() {
        streams.incrementAndGet();
    }

    void streamEnds() {
        streams.decrementAndGet();
    }

    private void show(Context ctx) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try {
            writer.write(out, registry.scrape());
        } catch (IOException e) {
            throw new LoupeException("The figures could not be written (" + e.getMessage() + ").", e);
        }
        ctx.result(out.toByteArray()).contentType("text/plain; version=0.0.4; charset=utf-8");
        ctx.header("Cache-Control", "no-store");
    }

    private static Map<JobState, Integer> jobs(Workbench bench) {
        Map<JobState, Integer> counts = new EnumMap<>(JobState.class);
        for (JobState state : JobState.values()) {
            counts.put(state, 0);
        }
        for (Job job : bench.jobs().list()) {
            counts.merge(job.state(), 1, Integer::sum);
        }
        return counts;
    }
}
