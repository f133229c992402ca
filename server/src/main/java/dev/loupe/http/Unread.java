package dev.loupe.http;

import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;

/**
 * What a refused request still has to say. A connection whose request was answered before its body was read can not be
 * used again, and a client that was not told so finds it closed under its next request.
 */
final class Unread {
    /** A body up to here is read to its end, so that the connection lives on; one that is longer costs the connection. */
    static final int WORTH_READING = 64 * 1024;

    private Unread() {}

    /**
     * Answers once a short body is read; says beforehand that the connection ends when the body is long, or of a length
     * that the client does not tell. Nobody waits on a thread for the rest of a body.
     *
     * @param answer writes the answer and completes the callback
     */
    static void then(Request request, Response response, Callback callback, Runnable answer) {
        long length = request.getLength();
        if (length > WORTH_READING || length < 0 && !request.consumeAvailable()) {
            response.getHeaders().put(HttpHeader.CONNECTION, "close");
            answer.run();
        } else if (length > 0) {
            Content.Source.consumeAll(request, Callback.from(answer, callback::failed));
        } else {
            answer.run();
        }
    }
}
