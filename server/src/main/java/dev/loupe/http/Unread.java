package dev.loupe.http;

import io.javalin.http.Context;
import java.io.IOException;
import java.io.InputStream;
import java.util.concurrent.TimeUnit;
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

    /** A body that is refused for its length is read to its end up to here, so that the refusal arrives. */
    static final int WORTH_DROPPING = 8 << 20;

    private static final long LONGEST_NS = TimeUnit.SECONDS.toNanos(10);

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

    /**
     * Reads what is left of a body that is refused for its length and forgets it. Whoever is still sending when the
     * connection closes sees it reset, and many clients then never look at the answer. A body of many megabytes, one
     * that takes longer than ten seconds and one of which nothing comes until the connection counts as idle are left where
     * they are, and the client is told that the connection ends.
     */
    static void drop(Context ctx) {
        if (ctx.req().getContentLengthLong() > WORTH_DROPPING || !dropped(ctx)) {
            ctx.header("Connection", "close");
        }
    }

    private static boolean dropped(Context ctx) {
        long start = System.nanoTime();
        byte[] buffer = new byte[1 << 16];
        try {
            InputStream in = ctx.req().getInputStream();
            int all = 0;
            for (int n; (n = in.read(buffer)) >= 0; all += n) {
                if (all + n > WORTH_DROPPING || System.nanoTime() - start > LONGEST_NS) {
                    return false;
                }
            }
            return true;
        } catch (IOException | RuntimeException e) { // broken off, or nothing came for long
            return false;
        }
    }
}
