package dev.loupe.http;

import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One line for each request to the API: method, path, status and time. Never what was asked or answered, nor the query. */
final class RequestLog extends Handler.Wrapper {
    private static final Logger LOG = LoggerFactory.getLogger(RequestLog.class);

    RequestLog(Handler inside) {
        super(inside);
    }

    @Override
    public boolean handle(Request request, Response response, Callback callback) throws Exception {
        String path = Request.getPathInContext(request);
        if (LOG.isInfoEnabled() && (path.startsWith("/api/") || path.startsWith("/v1/"))) {
            long start = System.nanoTime();
            String method = request.getMethod();
            Request.addCompletionListener(
                    request,
                    failure -> LOG.info(
                            "{} {} {} {} ms{}",
                            method,
                            path,
                            response.getStatus(),
                            (System.nanoTime() - start) / 1_000_000,
                            failure == null ? "" : ", broken off"));
        }
        return super.handle(request, response, callback);
    }
}
