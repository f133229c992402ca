package dev.loupe.model.hub;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.loupe.base.Checksums;
import dev.loupe.base.Json;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A model hub on this machine: one server for the hub, one for the host that large files are redirected to. */
final class FakeHub implements AutoCloseable {
    static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";

    final Map<String, byte[]> files = new LinkedHashMap<>();
    final List<String> requests = Collections.synchronizedList(new ArrayList<>());
    final List<String> tokensElsewhere = Collections.synchronizedList(new ArrayList<>());

    /** Status that everything is answered with, if not 200. */
    volatile int status = 200;

    volatile String errorCode = "";

    /** How many bodies of large files end too early. */
    volatile int truncated;

    /** Whether ranges are ignored. */
    volatile boolean wholeOnly;

    /** What large files say their checksum is, if not the right one. */
    volatile String wrongSum = "";

    private final HttpServer hub;
    private final HttpServer elsewhere;

    FakeHub() throws IOException {
        hub = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        elsewhere = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        hub.createContext("/", this::answer);
        elsewhere.createContext("/", this::content);
        hub.start();
        elsewhere.start();
    }

    String endpoint() {
        return "http://127.0.0.1:" + hub.getAddress().getPort();
    }

    private static boolean large(String file) {
        return file.endsWith(".safetensors") || file.endsWith(".gguf");
    }

    private void answer(HttpExchange x) throws IOException {
        String path = x.getRequestURI().getPath();
        requests.add(x.getRequestMethod() + " " + path + " "
                + String.valueOf(x.getRequestHeaders().getFirst("Authorization")));
        if (status != 200) {
            x.getResponseHeaders().set("X-Error-Code", errorCode);
            x.sendResponseHeaders(status, -1);
            x.close();
            return;
        }
        if (path.startsWith("/api/models/")) {
            List<Map<String, String>> siblings =
                    files.keySet().stream().map(f -> Map.of("rfilename", f)).toList();
            send(x, Json.line(Map.of("sha", COMMIT, "siblings", siblings)).getBytes(StandardCharsets.UTF_8), 0, false);
            return;
        }
        String file = path.substring(path.lastIndexOf('/') + 1);
        byte[] content = files.get(file);
        if (content == null) {
            x.sendResponseHeaders(404, -1);
        } else if (large(file)) {
            String sum = wrongSum.isEmpty() ? Checksums.sha256(content) : wrongSum;
            x.getResponseHeaders().set("X-Linked-Etag", "\"" + sum + "\"");
            x.getResponseHeaders().set("X-Linked-Size", Integer.toString(content.length));
            x.getResponseHeaders()
                    .set(
                            "Location",
                            "http://127.0.0.1:" + elsewhere.getAddress().getPort() + "/blob/" + file);
            x.sendResponseHeaders(302, -1);
        } else {
            x.getResponseHeaders().set("ETag", "W/\"" + gitSum(content) + "\"");
            send(x, content, 0, x.getRequestMethod().equals("HEAD"));
            return;
        }
        x.close();
    }

    private void content(HttpExchange x) throws IOException {
        String path = x.getRequestURI().getPath();
        String range = x.getRequestHeaders().getFirst("Range");
        requests.add("BLOB " + path + " " + range);
        String token = x.getRequestHeaders().getFirst("Authorization");
        if (token != null) {
            tokensElsewhere.add(token);
        }
        byte[] content = files.get(path.substring(path.lastIndexOf('/') + 1));
        int from = range == null || wholeOnly ? 0 : Integer.parseInt(range.replaceAll("\\D", ""));
        if (truncated > 0) {
            truncated--;
            // a promise of all bytes, and a connection that ends half-way
            x.sendResponseHeaders(from > 0 ? 206 : 200, content.length - from);
            OutputStream out = x.getResponseBody();
            out.write(content, from, (content.length - from) / 2);
            out.flush();
            x.close();
            return;
        }
        send(x, content, from, false);
    }

    private static void send(HttpExchange x, byte[] content, int from, boolean headOnly) throws IOException {
        if (headOnly) {
            x.getResponseHeaders().set("Content-Length", Integer.toString(content.length));
            x.sendResponseHeaders(200, -1);
        } else {
            x.sendResponseHeaders(from > 0 ? 206 : 200, content.length - from);
            try (OutputStream out = x.getResponseBody()) {
                out.write(content, from, content.length - from);
            }
        }
        x.close();
    }

    static String gitSum(byte[] content) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-1");
            digest.update(("blob " + content.length + "\0").getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(digest.digest(content));
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError(e);
        }
    }

    @Override
    public void close() {
        hub.stop(0);
        elsewhere.stop(0);
    }
}
