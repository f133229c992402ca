package dev.loupe.http;

import io.javalin.http.Context;
import io.javalin.http.Handler;
import java.util.function.LongSupplier;
import org.eclipse.jetty.server.Request;

/**
 * Whom a request's work is counted for. The gate counts what changes something by its method; a route that works long to
 * answer a GET counts itself, so that no spelling of its address passes uncounted.
 */
record Charge(RateLimit limit, String client, LongSupplier clock) {
    private static final String ATTRIBUTE = "dev.loupe.charge";

    /** What a client hears, up to the time to wait. */
    static String sentence(int perMinute) {
        return "Too many requests: this server takes " + perMinute + " a minute from each client;";
    }

    /** Lets a request carry it to its route. */
    void on(Request request) {
        request.setAttribute(ATTRIBUTE, this);
    }

    /** A handler that first counts the request. */
    static Handler first(Handler handler) {
        return ctx -> {
            take(ctx);
            handler.handle(ctx);
        };
    }

    private static void take(Context ctx) {
        Charge charge = ctx.attribute(ATTRIBUTE);
        if (charge != null) {
            long wait = charge.limit.wait(charge.client, charge.clock.getAsLong());
            if (wait > 0) {
                String sentence = sentence(charge.limit.perMinute()) + " try again in " + wait + " s.";
                throw new Declined(429, sentence, wait);
            }
        }
    }
}
