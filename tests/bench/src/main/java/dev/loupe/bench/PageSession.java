package dev.loupe.bench;

import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import java.io.IOException;
import java.net.CookieManager;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.WebSocket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * What a browser tab sends to the pages' server, without the browser: the page, the beginning of its session, its push socket,
 * and a message for every step to another page. The server does all that it does for a browser; nothing is drawn.
 */
final class PageSession implements AutoCloseable {
    private static final int ROOT = 1;

    private final String base;
    private final HttpClient http;
    private String key = "";
    private int ui;
    private int sync;
    private int sent;
    private int pages;
    private @Nullable WebSocket push;

    /** A tab that nobody has opened a page in. */
    PageSession(String base) {
        this.base = base;
        this.http = HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .cookieHandler(new CookieManager())
                .connectTimeout(Duration.ofSeconds(30))
                .build();
    }

    /** Opens the first page: what a browser asks for before anything is shown. */
    void open(String route) throws IOException, InterruptedException {
        text(get("/" + route, "text/html"));
        String location = URLEncoder.encode(route, StandardCharsets.UTF_8);
        JsonNode init = Json.MAPPER.readTree(text(get("/?v-r=init&location=" + location + "&query=", "*/*")));
        JsonNode config = init.path("appConfig");
        JsonNode uidl = config.path("uidl");
        key = uidl.path("Vaadin-Security-Key").asString("");
        ui = config.path("v-uiId").asInt(-1);
        sync = uidl.path("syncId").asInt(0);
        if (key.isEmpty() || ui < 0) {
            throw new LoupeException("The pages' server gave no session.");
        }
        connect(uidl.path("Vaadin-Push-ID").asString(""));
        go(route);
    }

    private void connect(String id) throws InterruptedException {
        URI address = URI.create(
                base.replaceFirst("^http", "ws") + "/VAADIN/push?v-r=push&v-uiId=" + ui + "&v-pushId=" + id
                        + "&X-Atmosphere-tracking-id=0&X-Atmosphere-Framework=3.1.5-javascript&X-Atmosphere-Transport=websocket"
                        + "&X-Atmosphere-TrackMessageSize=true&Content-Type=application/json;%20charset=UTF-8&X-atmo-protocol=true");
        try {
            push = http.newWebSocketBuilder()
                    .buildAsync(address, new Listener())
                    .get(30, TimeUnit.SECONDS);
        } catch (ExecutionException | TimeoutException e) {
            throw new LoupeException("The push socket could not be opened: " + e, e);
        }
    }

    /** Takes whatever comes. */
    private static final class Listener implements WebSocket.Listener {
        @Override
        public @Nullable CompletableFuture<?> onText(WebSocket socket, CharSequence data, boolean last) {
            socket.request(1);
            return null;
        }
    }

    /** Goes to another page; returns how many characters the server sent for it. */
    int go(String route) throws IOException, InterruptedException {
        ObjectNode event = Json.MAPPER.createObjectNode();
        event.put("type", "event").put("node", ROOT).put("event", "ui-navigate");
        ObjectNode data = event.putObject("data");
        data.put("route", route).put("query", "").put("appShellTitle", "").put("trigger", "");
        data.putObject("historyState").put("idx", pages++);
        ObjectNode message = Json.MAPPER.createObjectNode();
        message.put("csrfToken", key);
        ArrayNode calls = message.putArray("rpc");
        calls.add(event);
        message.put("syncId", sync).put("clientId", sent++);
        HttpResponse<String> answer = http.send(
                HttpRequest.newBuilder(URI.create(base + "/?v-r=uidl&v-uiId=" + ui))
                        .timeout(Duration.ofSeconds(60))
                        .header("Content-Type", "application/json; charset=UTF-8")
                        .POST(HttpRequest.BodyPublishers.ofString(Json.line(message)))
                        .build(),
                HttpResponse.BodyHandlers.ofString());
        String text = text(answer);
        JsonNode first =
                Json.MAPPER.readTree(text.replaceFirst("^for\\(;;\\);", "")).path(0);
        if (first.has("meta") && first.path("meta").has("appError")) {
            throw new LoupeException("The page " + route + " failed: " + first.path("meta"));
        }
        sync = first.path("syncId").asInt(sync);
        return text.length();
    }

    private HttpResponse<String> get(String path, String accept) throws IOException, InterruptedException {
        return http.send(
                HttpRequest.newBuilder(URI.create(base + path))
                        .timeout(Duration.ofSeconds(60))
                        .header("Accept", accept)
                        .build(),
                HttpResponse.BodyHandlers.ofString());
    }

    private static String text(HttpResponse<String> answer) {
        if (answer.statusCode() != 200) {
            throw new LoupeException(
                    "The address " + answer.uri() + " answered with status " + answer.statusCode() + ".");
        }
        return answer.body();
    }

    /** Closes the tab as a browser that crashed: nothing is said, connections end. */
    @Override
    public void close() {
        WebSocket socket = push;
        if (socket != null) {
            socket.abort();
        }
        http.shutdownNow();
    }
}
