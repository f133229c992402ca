package dev.loupe.http;

import dev.loupe.service.Views;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.handler.ErrorHandler;
import org.eclipse.jetty.util.Callback;

/** What the server itself refuses (addresses that are none, oversized headers) is a problem as well, no page. */
final class PlainErrors extends ErrorHandler {
    @Override
    public boolean handle(Request request, Response response, Callback callback) {
        int status = response.getStatus();
        response.getHeaders().put("X-Content-Type-Options", "nosniff");
        // nobody reads what follows such a head, so Jetty ends the connection: a client must hear of that
        response.getHeaders().put(HttpHeader.CONNECTION, "close");
        Object said = request.getAttribute(ERROR_MESSAGE);
        String detail = said == null ? "The request could not be answered." : said + ".";
        String path = request.getHttpURI() == null ? null : request.getHttpURI().getPath();
        boolean openAi = path != null && (path.equals("/v1") || path.startsWith("/v1/"));
        response.getHeaders().put(HttpHeader.CONTENT_TYPE, openAi ? "application/json" : Problem.MEDIA_TYPE);
        Object body = openAi ? OpenAiError.of(status, detail) : Problem.of(status, detail, path);
        Content.Sink.write(response, true, Views.line(body), callback);
        return true;
    }
}
