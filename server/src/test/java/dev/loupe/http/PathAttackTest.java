package dev.loupe.http;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.cli.SmallWorkspace;
import dev.loupe.service.Job;
import java.io.IOException;
import java.net.URLEncoder;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
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
    private static final String PAIR = "{\"task\": \"person\", \"task_pairs\": 1, \"sites\": [\"resid_pre\"]}";
    private static final String CIRCUIT =
            "{\"patch\": {\"task\": \"person\", \"task_pairs\": 1}, \"saes\": [\"tiny-s0\"]}";
    private static final String GRAPH = "{\"metadata\": {}, \"nodes\": [], \"links\": []}";
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

    private static HttpResponse<String> ask(String method, String path, String... body) throws Exception {
        return http.send(method, path, String.join("", body));
    }

    /** Everything beside the workspace, and what is in it. */
    private static Map<String, String> outside() throws IOException {
        Map<String, String> found = new TreeMap<>();
        try (Stream<Path> all = Files.walk(folder)) {
            for (Path p :
                    all.filter(f -> !f.startsWith(folder.resolve("loupe"))).toList()) {
                found.put(p.toString(), Files.isDirectory(p) ? "folder" : Files.readString(p));
            }
        }
        return found;
    }

    private static List<String> jobs() {
        return http.bench().jobs().list().stream().map(Job::id).toList();
    }

    @Test
    void noNameLeadsOutOfTheWorkspace() throws Exception {
        // long: one attack after the other on one workspace, which is compared with what it was at the end
        Map<String, String> before = outside();
        List<String> own = jobs();
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
                    "diagnostics",
                    "steer/languages",
                    "patches/tasks")) {
                refused(
                        ask("GET", "/api/" + path + "/" + encoded).statusCode(),
                        path,
                        name,
                        ask("GET", "/api/" + path + "/" + encoded).body());
            }
            for (String path : List.of(
                    "PUT variants/%s",
                    "DELETE variants/%s",
                    "PUT lists/%s",
                    "DELETE lists/%s",
                    "PUT graphs/%s/view",
                    "POST graphs/%s/import",
                    "PUT features/%s/0/note",
                    "POST features/%s/explanations",
                    "POST patches?job=true&name=%s",
                    "POST circuits?job=true&name=%s",
                    "POST jobs/%s/cancel")) {
                String[] parts = path.split(" ");
                String sent = parts[1].startsWith("patches")
                        ? PAIR
                        : parts[1].startsWith("circuits")
                                ? CIRCUIT
                                : path.contains("note")
                                        ? "{\"text\": \"x\", \"version\": 0}"
                                        : path.contains("view")
                                                ? "{\"pinned\": [], \"groups\": [], \"labels\": {}}"
                                                : path.contains("import") ? GRAPH : "{\"edits\": [], \"features\": []}";
                var r = ask(parts[0], "/api/" + parts[1].formatted(encoded), sent);
                refused(r.statusCode(), path, name, r.body());
            }
            String json = dev.loupe.base.Json.line(name);
            for (String body : List.of(
                    "{\"kind\": \"capture\", \"request\": {\"name\": " + json
                            + ", \"model\": \"builtin\", \"text\": \"builtin:europarl\", \"hooks\": [\""
                            + SmallWorkspace.HOOK + "\"], \"tokens\": 100}}",
                    "{\"kind\": \"train\", \"request\": {\"name\": " + json
                            + ", \"store\": \"small\", \"arch\": \"topk\", \"d_sae\": 64, \"k\": 4, \"steps\": 1}}",
                    "{\"kind\": \"index\", \"request\": {\"saes\": [" + json + "]}}",
                    "{\"kind\": \"eval\", \"request\": {\"saes\": [" + json + "]}}",
                    "{\"kind\": \"compare\", \"request\": {\"a\": \"tiny-s0\", \"b\": " + json + "}}",
                    "{\"kind\": \"label\", \"request\": {\"sae\": " + json + "}}",
                    "{\"kind\": \"seeds\", \"request\": {\"name\": " + json + ", \"store\": \"small\"}}",
                    "{\"kind\": \"sweep\", \"request\": {\"name\": " + json + ", \"store\": \"small\"}}",
                    "{\"kind\": \"patch\", \"request\": {\"name\": " + json + ", " + PAIR.substring(1) + "}",
                    "{\"kind\": \"circuit\", \"request\": {\"name\": " + json + ", " + CIRCUIT.substring(1) + "}",
                    "{\"kind\": \"graph\", \"request\": {\"name\": " + json
                            + ", \"request\": {\"prompt\": \"a b\"}}}")) {
                var r = http.post("/api/jobs", body);
                refused(r.statusCode(), body, name, r.body());
            }
            var saved = http.post(
                    "/api/steer/contrast",
                    "{\"hook\": \"" + SmallWorkspace.HOOK + "\", \"positive\": [\"a b c\"], \"negative\": [\"d e f\"],"
                            + " \"save\": " + json + "}");
            refused(saved.statusCode(), "contrast", name, saved.body());
        }
        assertThat(taken).as("requests that were not refused").isEmpty();
        assertThat(outside()).isEqualTo(before);
        assertThat(jobs()).as("no job was begun").isEqualTo(own);
    }

    private final List<String> taken = new ArrayList<>();

    private void refused(int status, String path, String name, String body) {
        if (status < 400 || status > 422) {
            taken.add(status + " " + path + " " + name);
        }
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
