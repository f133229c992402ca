package dev.loupe.http;

import io.javalin.http.Handler;
import io.javalin.http.HandlerType;
import java.lang.reflect.Type;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One route under {@code /api}, with what the OpenAPI document says about it.
 *
 * @param method GET, POST, PUT or DELETE
 * @param path relative to {@code /api}, parameters in braces
 * @param summary one line
 * @param query query parameters
 * @param body type of the request's body; null if it has none
 * @param answer type of the JSON answer; null where it is not JSON or empty
 * @param mediaType of the answer
 * @param handler does it
 * @param works whether it works long whatever the method is, so that it counts against the client's limit
 */
record Route(
        HandlerType method,
        String path,
        String summary,
        List<Query> query,
        @Nullable Type body,
        @Nullable Type answer,
        String mediaType,
        Handler handler,
        boolean works) {

    /** A query parameter: its name, JSON type and meaning. */
    record Query(String name, String type, String meaning) {}

    static Route get(String path, String summary, Type answer, Handler handler, Query... query) {
        return new Route(
                HandlerType.GET, path, summary, List.of(query), null, answer, "application/json", handler, false);
    }

    static Route post(String path, String summary, @Nullable Type body, Type answer, Handler handler) {
        return new Route(HandlerType.POST, path, summary, List.of(), body, answer, "application/json", handler, false);
    }

    /** A route that deletes the thing at its path. */
    static Route delete(String path, String summary, Handler handler) {
        return new Route(HandlerType.DELETE, path, summary, List.of(), null, null, "application/json", handler, false);
    }

    /** The same route with another method. */
    Route by(HandlerType other) {
        return new Route(other, path, summary, query, body, answer, mediaType, handler, works);
    }

    /** The same route with query parameters. */
    Route with(Query... more) {
        return new Route(method, path, summary, List.of(more), body, answer, mediaType, handler, works);
    }

    /** The same route answering another media type. */
    Route of(String type) {
        return new Route(method, path, summary, query, body, null, type, handler, works);
    }

    /** The same route, counted as work: it runs a model, or goes through whole files. */
    Route working() {
        return new Route(method, path, summary, query, body, answer, mediaType, Charge.first(handler), true);
    }
}
