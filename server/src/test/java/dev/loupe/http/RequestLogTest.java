package dev.loupe.http;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.AppenderBase;
import dev.loupe.service.Settings;
import dev.loupe.service.Workbench;
import dev.loupe.service.Workspace;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.Callback;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

/** From an answer to its lines in the log, by the request's id. */
class RequestLogTest {
    private static final List<Logger> LOGGERS = List.of(
            (Logger) LoggerFactory.getLogger(RequestLog.class), (Logger) LoggerFactory.getLogger(Problem.class));

    @TempDir
    Path folder;

    private final List<ILoggingEvent> lines = new CopyOnWriteArrayList<>();
    private final AppenderBase<ILoggingEvent> appender = new AppenderBase<>() {
        @Override
        protected void append(ILoggingEvent event) {
            event.getMDCPropertyMap(); // as it is now, not when it is looked at
            lines.add(event);
        }
    };
    private final Map<Logger, Level> levels = new java.util.HashMap<>();

    @BeforeEach
    void listen() {
        appender.start();
        for (Logger l : LOGGERS) {
            levels.put(l, l.getEffectiveLevel());
            l.setLevel(Level.INFO);
            l.addAppender(appender);
        }
    }

    @AfterEach
    void stop() {
        for (Logger l : LOGGERS) {
            l.detachAppender(appender);
            l.setLevel(levels.get(l));
        }
    }

    private ILoggingEvent line(String id, Class<?> logger) throws InterruptedException {
        for (int i = 0; i < 6000; i++) {
            for (ILoggingEvent e : lines) {
                if (e.getLoggerName().equals(logger.getName())
                        && id.equals(e.getMDCPropertyMap().get("request_id"))) {
                    return e;
                }
            }
            Thread.sleep(10); // the line is written when the answer is on its way
        }
        throw new AssertionError("no line of " + logger + " with " + id + " among " + lines);
    }

    @Test
    void eachRequestHasALineWithTheIdOfItsAnswer() throws Exception {
        try (Http http = new Http(folder.resolve("w"), null)) {
            HttpResponse<String> given = http.get("/api/saes/nobody?secret=1", Asked.HEADER, "trace-7");
            assertThat(Http.json(given).path("request_id").asString()).isEqualTo("trace-7");
            assertThat(line("trace-7", RequestLog.class).getFormattedMessage())
                    .matches("GET /api/saes/nobody 404 \\d+ ms");
            HttpResponse<String> made = http.post("/v1/completions", "{\"prompt\": 7}");
            String id = made.headers().firstValue("x-request-id").orElseThrow();
            assertThat(Http.json(made).path("error").path("request_id").asString())
                    .isEqualTo(id);
            assertThat(line(id, RequestLog.class).getFormattedMessage()).startsWith("POST /v1/completions 400");
        }
    }

    /** A failure that nobody foresaw: its answer's id leads to its stack. */
    @Test
    void anUnexpectedFailureIsFoundByTheIdOfItsAnswer() throws Exception {
        Server server = new Server();
        ServerConnector connector = new ServerConnector(server, 1, 1);
        connector.setHost("127.0.0.1");
        server.addConnector(connector);
        Workbench bench = new Workbench(
                Workspace.create(folder.resolve("w")),
                Settings.load(Map.of(Settings.Key.WORKSPACE, folder.resolve("w").toString()), Map.of()));
        Handler failing = new Handler.Abstract() {
            @Override
            public boolean handle(Request request, Response response, Callback callback) {
                Problem p = Problem.of(new IllegalStateException("a bug"), "/api/x");
                response.setStatus(p.status());
                Content.Sink.write(response, true, dev.loupe.service.Views.line(p), callback);
                return true;
            }
        };
        server.setHandler(new RequestLog(failing, new Metrics(bench, () -> 0)));
        server.start();
        try (bench;
                HttpClient client = HttpClient.newHttpClient()) {
            HttpResponse<String> r = client.send(
                    HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + connector.getLocalPort() + "/api/x"))
                            .build(),
                    HttpResponse.BodyHandlers.ofString());
            assertThat(r.statusCode()).isEqualTo(500);
            assertThat(r.body()).doesNotContain("a bug");
            String id = Http.json(r).path("request_id").asString();
            assertThat(r.headers().firstValue(Asked.HEADER)).hasValue(id);
            assertThat(line(id, Problem.class).getThrowableProxy().getMessage()).isEqualTo("a bug");
            assertThat(line(id, RequestLog.class).getFormattedMessage()).startsWith("GET /api/x 500");
        } finally {
            server.stop();
        }
    }
}
