package dev.loupe.http;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.cli.SmallWorkspace;
import java.io.IOException;
import java.net.URLEncoder;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Names and addresses that want to leave the workspace. */
class PathAttackTest {
    private static final String SECRET = "for nobody's eyes";
    private static final List<String> NAMES = List.of(
            "../secret",
            "..",
            ".",
            "../../etc/passwd",
            "/etc/passwd",
            "..\\secret",
            "a/../../secret",
            "%2e%2e/secret",
            "secret\u0000.json",
            "....//secret",
            "~root",
            "C:\\secret",
            ".hidden",
            "-rf",
            "a b",
            "con/../x",
            "\uFF0E\uFF0E/secret",
            "x".repeat(101));

    @TempDir
    static Path folder;

    private static Http http;

    @BeforeAll
    static void start() throws IOException {
        Path workspace = HostileRequests.copy(SmallWorkspace.folder(), folder.resolve("loupe"));
        Files.writeString(folder.resolve("secret"), SECRET);
        Files.writeString(folder.resolve("secret.json"), "{\"text\": \"" + SECRET + "\"}");
        Files.createDirectories(folder.resolve("secret.d"));
        http = new Http(workspace, null);
    }

    @AfterAll
    static void stop() {
        http.close();
    }

    /** Once more if the connection was closed: after a refusal the server may close one that the client takes for open. */
    private static HttpResponse<String> ask(String method, String path, String... body) throws Exception {
        try {
            return http.send(method, path, String.join("", body));
        } catch (IOException e) {
            return http.send(method, path, String.join("", body));
        }
    }

    private static Map<String, Long> outside() throws IOException {
        Map<String, Long> found = new TreeMap<>();
        try (Stream<Path> all = Files.list(folder)) {
            for (Path p : all.filter(f -> !f.endsWith("loupe")).toList()) {
                found.put(p.toString(), Files.getLastModifiedTime(p).toMillis());
            }
        }
        return found;
    }

    @Test
    void noNameLeadsOutOfTheWorkspace() throws Exception {
        Map<String, Long> before = outside();
        for (String name : NAMES) {
            String encoded = URLEncoder.encode(name, StandardCharsets.UTF_8).replace("+", "%20");
            for (String path : List.of(
                    "stores",
                    "saes",
                    "features",
                    "variants",
                    "circuits",
                    "graphs",
                    "patches",
                    "jobs",
                    "lists",
                    "sweeps",
                    "seeds",
                    "diagnostics")) {
                refused(
                        ask("GET", "/api/" + path + "/" + encoded).statusCode(),
                        path,
                        name,
                        ask("GET", "/api/" + path + "/" + encoded).body());
            }
            for (String path : List.of("variants", "lists", "graphs")) {
                for (String method : List.of("PUT", "DELETE")) {
                    var r = ask(method, "/api/" + path + "/" + encoded, "{\"edits\": [], \"features\": []}");
                    refused(r.statusCode(), method + " " + path, name, r.body());
                }
            }
            String json = dev.loupe.base.Json.line(name);
            for (String body : List.of(
                    "{\"kind\": \"capture\", \"request\": {\"name\": " + json
                            + ", \"model\": \"builtin\", \"text\": \"builtin:europarl\", \"hooks\": [\""
                            + SmallWorkspace.HOOK + "\"], \"tokens\": 100}}",
                    "{\"kind\": \"train\", \"request\": {\"name\": " + json
                            + ", \"store\": \"small\", \"arch\": \"topk\", \"d_sae\": 64, \"k\": 4, \"steps\": 1}}",
                    "{\"kind\": \"index\", \"request\": {\"saes\": [" + json + "]}}")) {
                var r = http.post("/api/jobs", body);
                if (r.statusCode() == 202) { // found out by the job itself
                    String id = Http.json(r).path("id").asString("");
                    http.post("/api/jobs/" + id + "/cancel", "");
                }
            }
        }
        assertThat(outside()).isEqualTo(before);
    }

    private static void refused(int status, String path, String name, String body) {
        assertThat(status).as(path + " " + name).isBetween(400, 422);
        assertThat(body).doesNotContain(SECRET, "root:x");
    }

    @Test
    void noAddressLeadsToAFileOfTheMachine() throws Exception {
        for (String path : List.of(
                "/../secret",
                "/css/../../secret",
                "/css/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
                "/js/..%2f..%2f..%2fetc/passwd",
                "/css/..;/..;/etc/passwd",
                "//etc/passwd",
                "/%2fetc/passwd",
                "/api/docs/..%2f..%2fpom.properties",
                "/api/docs/%2e%2e/index.html",
                "/VAADIN/../../WEB-INF/web.xml",
                "/META-INF/MANIFEST.MF",
                "/css/",
                "/file:/etc/passwd")) {
            String answer = http.raw("GET " + path + " HTTP/1.1\nHost: localhost");
            assertThat(answer).as(path).doesNotContain(SECRET, "root:", "Manifest-Version", "<web-app");
            assertThat(answer).as(path).doesNotStartWith("HTTP/1.1 5");
        }
    }
}
