package dev.loupe.http;

import dev.loupe.service.RequestId;
import io.javalin.http.Context;
import io.javalin.http.Handler;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.regex.Pattern;
import org.eclipse.jetty.server.Request;
import org.jspecify.annotations.Nullable;

/**
 * What the server knows of a request while it is answered: its id, which the caller may have given, the route that took
 * it, and whether its answer is a stream. The log and the metrics read it, and errors carry the id.
 */
final class Asked {
    /** The header that brings an id and takes it back. */
    static final String HEADER = "X-Request-Id";

    private static final String ATTRIBUTE = "dev.loupe.asked";
    private static final Pattern ID = Pattern.compile(RequestId.FORM);
    private static final SecureRandom RANDOM = new SecureRandom();

    private final String id;
    private final Metrics metrics;
    private volatile String route = "none";
    private volatile boolean stream;

    private Asked(String id, Metrics metrics) {
        this.id = id;
        this.metrics = metrics;
    }

    /** Begins with a request: takes its id if it is a decent one, else makes one. */
    static Asked of(Request request, Metrics metrics) {
        String given = request.getHeaders().get(HEADER);
        Asked asked = new Asked(given != null && ID.matcher(given).matches() ? given : random(), metrics);
        request.setAttribute(ATTRIBUTE, asked);
        return asked;
    }

    /** The id of the request that this thread answers; null outside of one. */
    static @Nullable String current() {
        return RequestId.current();
    }

    /** A handler that first notes which route it is: the template, since paths are without number. */
    static Handler route(String template, Handler handler) {
        return ctx -> {
            Asked asked = ctx.attribute(ATTRIBUTE);
            if (asked != null) {
                asked.route = template;
            }
            handler.handle(ctx);
        };
    }

    /** Notes that the answer is a stream; it is counted until the request ends. */
    static void streams(Context ctx) {
        Asked asked = ctx.attribute(ATTRIBUTE);
        if (asked != null && !asked.stream) {
            asked.stream = true;
            asked.metrics.streamBegins();
        }
    }

    /** The id. */
    String id() {
        return id;
    }

    /** Counts the answered request. */
    void answered(String method, int status, double seconds) {
        if (stream) {
            metrics.streamEnds();
        }
        metrics.request(method, route, status, seconds);
    }

    /** The route of a request that is for the pages. */
    void pages() {
        route = "pages";
    }

    private static String random() {
        byte[] bytes = new byte[8];
        RANDOM.nextBytes(bytes);
        return HexFormat.of().formatHex(bytes);
    }
}
