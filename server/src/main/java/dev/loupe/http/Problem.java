package dev.loupe.http;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import dev.loupe.base.CancelledException;
import dev.loupe.base.LoupeException;
import dev.loupe.base.NotFoundException;
import dev.loupe.base.UsageException;
import dev.loupe.model.BusyException;
import dev.loupe.service.ConflictException;
import dev.loupe.service.Requests;
import io.javalin.http.HttpResponseException;
import java.io.EOFException;
import java.util.concurrent.TimeoutException;
import org.eclipse.jetty.http.HttpException;
import org.eclipse.jetty.http.HttpStatus;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.core.JacksonException;

/**
 * An error over HTTP (RFC 9457).
 *
 * @param type what kind of problem; nothing more is said than the status
 * @param title the status in words
 * @param status the status
 * @param detail one sentence that names the thing and the cure
 * @param instance the path asked for
 * @param requestId the request's id, as its answer's header and the log have it
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
record Problem(
        String type,
        String title,
        int status,
        String detail,
        @Nullable String instance,
        @JsonProperty("request_id") @Nullable String requestId) {
    static final String MEDIA_TYPE = "application/problem+json";

    private static final Logger LOG = LoggerFactory.getLogger(Problem.class);

    static Problem of(int status, String detail, @Nullable String instance) {
        String title = HttpStatus.getMessage(status);
        return new Problem("about:blank", title == null ? "Error" : title, status, detail, instance, Asked.current());
    }

    /** What is wrong and where, without advice to whoever writes a mapper. */
    private static String wrong(JacksonException e) {
        String place = Requests.place(e);
        return (place.isEmpty() ? "" : "at \"" + place + "\": ")
                + e.getOriginalMessage().replaceFirst(" \\(but could .*", "");
    }

    /** What a failure is over HTTP. */
    static Problem of(Throwable e, @Nullable String instance) {
        if (e instanceof NotFoundException) {
            return of(404, String.valueOf(e.getMessage()), instance);
        }
        if (e instanceof UsageException) {
            return of(400, String.valueOf(e.getMessage()), instance);
        }
        if (e instanceof JacksonException j) {
            return of(400, "The body is not the JSON this route takes: " + wrong(j), instance);
        }
        if (e instanceof ConflictException) {
            return of(409, String.valueOf(e.getMessage()), instance);
        }
        if (e instanceof CancelledException) {
            return of(409, "The work was stopped.", instance);
        }
        if (e instanceof BusyException) {
            return of(503, String.valueOf(e.getMessage()), instance);
        }
        if (e instanceof Declined d) {
            return of(d.status(), String.valueOf(e.getMessage()), instance);
        }
        if (e instanceof LoupeException) {
            return of(422, String.valueOf(e.getMessage()), instance);
        }
        for (Throwable t = e; t != null; t = t.getCause()) {
            if (t instanceof EOFException) {
                return of(400, "The request broke off before it was complete.", instance);
            }
            if (t instanceof TimeoutException) {
                return of(408, "The rest of the request did not come in time.", instance);
            }
            if (t instanceof HttpException h) { // found while its body was read
                return of(h.getCode(), "The request cannot be read as HTTP: " + h.getReason() + ".", instance);
            }
        }
        if (e instanceof HttpResponseException h) {
            return of(
                    h.getStatus(),
                    h.getStatus() == 413
                            ? "The request is longer than this server takes; send less at a time."
                            : String.valueOf(h.getMessage()),
                    instance);
        }
        LOG.error("Unexpected failure at {}", instance, e);
        return of(500, "This should not have happened; the server's log has the details.", instance);
    }
}
