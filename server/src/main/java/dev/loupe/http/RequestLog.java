package dev.loupe.http;

import dev.loupe.service.RequestId;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.MDC;

/**
 * Stands around everything: gives each request its id and counts it, and writes one line for each request to the API:
 * method, path, status and time. Never what was asked or answered, nor the query.
 */
final class RequestLog extends Handler.Wrapper {
    private static final Logger LOG = LoggerFactory.getLogger(RequestLog.class);

    private final Metrics metrics;

    RequestLog(Handler inside, Metrics metrics) {
        super(inside);
        this.metrics = metrics;
    }

    @Override
    public boolean handle(Request request, Response response, Callback callback) throws Exception {
        long start = System.nanoTime();
        String path = Request.getPathInContext(request);
        String method = request.getMethod();
        boolean api = path.startsWith("/api/") || path.startsWith("/v1/");
        Asked asked = Asked.of(request, metrics);
        if (!api) {
            asked.pages();
        }
        response.getHeaders().put(Asked.HEADER, asked.id());
        Request.addCompletionListener(request, failure -> {
            double seconds = (System.nanoTime() - start) / 1e9;
            asked.answered(method, response.getStatus(), seconds);
            if (api && LOG.isInfoEnabled()) {
                try (MDC.MDCCloseable ignored = RequestId.working(asked.id())) {
                    LOG.info(
                            "{} {} {} {} ms{}",
                            method,
                            path,
                            response.getStatus(),
                            Math.round(1000 * seconds),
                            failure == null ? "" : ", broken off");
                }
            }
        });
        try (MDC.MDCCloseable ignored = RequestId.working(asked.id())) {
            return super.handle(request, response, callback);
        }
    }
}
