package dev.loupe.http;

import dev.loupe.base.Json;
import dev.loupe.service.Settings;
import dev.loupe.service.Workbench;
import dev.loupe.service.Workspace;
import java.io.IOException;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.LongSupplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** A server on a free port, and the requests that tests send it. */
final class Http implements AutoCloseable {
    private final Workbench bench;
    private final LoupeServer server;
    private final HttpClient client = HttpClient.newHttpClient();

    Http(Path workspace, @Nullable Path tokenFile) {
        this(workspace, tokenFile, "threads", "0");
    }

    /** With a setting of one's own. */
    Http(Path workspace, @Nullable Path tokenFile, String setting, String value) {
        this(workspace, new LoupeServer.Options("127.0.0.1", 0, tokenFile), setting, value);
    }

    /**
     * A server that takes so many working requests a minute of each token (without tokens: of each address), and whose minute
     * never ends: what was used up does not come back, however long a test takes.
     *
     * @param perMinute 0 for no limit; guesses of tokens have theirs
     */
    static Http standing(Path workspace, @Nullable Path tokenFile, int perMinute) {
        LoupeServer.Options options = new LoupeServer.Options("127.0.0.1", 0, tokenFile, perMinute);
        return new Http(workspace, options, "threads", "0", () -> 0);
    }

    /** A server that believes this proxy. */
    static Http behind(Path workspace, Path tokenFile, String proxy) {
        LoupeServer.Options options = new LoupeServer.Options("127.0.0.1", 0, tokenFile, 0, List.of(), List.of(proxy));
        return new Http(workspace, options, "threads", "0");
    }

    private Http(Path workspace, LoupeServer.Options options, String setting, String value) {
        this(workspace, options, setting, value, System::nanoTime);
    }

    private Http(Path workspace, LoupeServer.Options options, String setting, String value, LongSupplier clock) {
        bench = new Workbench(
                Workspace.create(workspace),
                Settings.load(
                        Map.of(Settings.Key.WORKSPACE, workspace.toString()),
                        Map.of("LOUPE_" + setting.toUpperCase(Locale.ROOT).replace('-', '_'), value)));
        server = LoupeServer.start(bench, options, clock);
    }

    Workbench bench() {
        return bench;
    }

    LoupeServer server() {
        return server;
    }

    HttpResponse<String> get(String path, String... headers) throws Exception {
        return send("GET", path, "", headers);
    }

    HttpResponse<String> post(String path, String body, String... headers) throws Exception {
        return send("POST", path, body, headers);
    }

    HttpResponse<String> send(String method, String path, String body, String... headers) throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + server.port() + path))
                .method(
                        method,
                        body.isEmpty()
                                ? HttpRequest.BodyPublishers.noBody()
                                : HttpRequest.BodyPublishers.ofString(body));
        if (headers.length > 0) {
            request.headers(headers);
        }
        return client.send(request.build(), HttpResponse.BodyHandlers.ofString());
    }

    static JsonNode json(HttpResponse<String> response) {
        return Json.MAPPER.readTree(response.body());
    }

    /** What was counted of a route, by status. */
    Map<Integer, Long> counted(String route) throws Exception {
        Map<Integer, Long> found = new TreeMap<>();
        Matcher m = Pattern.compile("loupe_http_request_seconds_count\\{[^}]*route=\"" + Pattern.quote(route)
                        + "\",status=\"(\\d+)\"} (\\d+)")
                .matcher(get("/api/metrics").body());
        while (m.find()) {
            found.merge(Integer.valueOf(m.group(1)), Long.valueOf(m.group(2)), Long::sum);
        }
        return found;
    }

    /** Sends bytes as they are, where the client would not let us (Host, Origin). */
    String raw(String head) throws IOException {
        try (Socket socket = new Socket("127.0.0.1", server.port())) {
            socket.getOutputStream()
                    .write((head.replace("\n", "\r\n") + (head.contains("Connection:") ? "" : "\r\nConnection: close")
                                    + "\r\n\r\n")
                            .getBytes(StandardCharsets.UTF_8));
            return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    /**
     * The status that somebody is answered with who asks and closes their side at once, which is leaving as far as the server
     * can tell. Requests before it on the same connection give the news time to arrive.
     */
    int leaving(String path, String body) throws IOException {
        String before = "GET /api/models HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(8);
        String request = "POST " + path + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                + "Content-Length: " + body.getBytes(StandardCharsets.UTF_8).length + "\r\n\r\n" + body;
        try (Socket socket = new Socket("127.0.0.1", server.port())) {
            socket.getOutputStream().write((before + request).getBytes(StandardCharsets.UTF_8));
            socket.shutdownOutput();
            String answers = new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            int last = answers.lastIndexOf("HTTP/1.1 ");
            return Integer.parseInt(answers.substring(last + 9, last + 12));
        }
    }

    @Override
    public void close() {
        server.close();
        bench.close();
    }
}
