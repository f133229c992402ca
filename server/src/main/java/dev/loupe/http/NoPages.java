package dev.loupe.http;

import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.handler.ContextHandler;
import org.eclipse.jetty.util.Callback;

/** What stands at / where the web pages are not on the class path. */
final class NoPages extends ContextHandler {
    NoPages() {
        super(
                new org.eclipse.jetty.server.Handler.Abstract() {
                    @Override
                    public boolean handle(Request request, Response response, Callback callback) {
                        response.setStatus(404);
                        response.getHeaders().put(HttpHeader.CONTENT_TYPE, "text/plain;charset=utf-8");
                        Content.Sink.write(
                                response,
                                true,
                                "This Loupe runs without its web pages; the API is described at /api/docs.\n",
                                callback);
                        return true;
                    }
                },
                "/");
    }
}
