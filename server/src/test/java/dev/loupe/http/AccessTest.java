package dev.loupe.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.UsageException;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Who may ask what. */
class AccessTest {
    @TempDir
    static Path folder;

    private static Http http;

    @BeforeAll
    static void start() {
        http = new Http(folder.resolve("open"), null);
    }

    @AfterAll
    static void stop() {
        http.close();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"localhost", "127.0.0.1", "[::1]", "localhost:7070", "LOCALHOST:1", "[::1]:80", "127.0.0.1:7"})
    void requestsForThisMachineAreAnswered(String host) throws Exception {
        assertThat(http.raw("GET /api/health HTTP/1.1\nHost: " + host)).startsWith("HTTP/1.1 200");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "evil.example",
                "evil.example:7070",
                "localhost.evil.example",
                "127.0.0.1.nip.io",
                "192.168.0.7",
                "[::2]",
                "localhost:80:evil"
            })
    void requestsForAnotherHostAreRefused(String host) throws Exception {
        for (String path : new String[] {"/api/health", "/v1/models", "/"}) {
            assertThat(http.raw("GET " + path + " HTTP/1.1\nHost: " + host)).containsPattern("^HTTP/1.1 40[03]");
        }
    }

    @Test
    void aForeignPageMayChangeNothing() throws Exception {
        String own = "http://127.0.0.1:" + http.server().port();
        String variant = "{\"edits\": []}";
        assertThat(http.send("PUT", "/api/variants/v", variant).statusCode()).isEqualTo(200);
        assertThat(http.send("PUT", "/api/variants/v", variant, "Origin", own).statusCode())
                .isEqualTo(200);
        for (String origin :
                new String[] {"http://evil.example", "null", "http://127.0.0.1:1", "https://localhost", "x y"}) {
            HttpResponse<String> r = http.send("PUT", "/api/variants/v", variant, "Origin", origin);
            assertThat(r.statusCode()).as(origin).isEqualTo(403);
            assertThat(r.headers().firstValue("content-type").orElse("")).startsWith("application/problem+json");
        }
        assertThat(http.send("DELETE", "/api/variants/v", "", "Origin", "http://evil.example")
                        .statusCode())
                .isEqualTo(403);
        assertThat(http.post("/v1/completions", "{}", "Sec-Fetch-Site", "cross-site")
                        .statusCode())
                .isEqualTo(403);
        assertThat(http.get("/api/health", "Origin", "http://evil.example").statusCode())
                .isEqualTo(200);
    }

    @Test
    void aForeignPageMayOpenNoWebSocket() throws Exception {
        String head =
                "GET /VAADIN/push HTTP/1.1\nHost: localhost:" + http.server().port()
                        + "\nConnection: Upgrade, close\nUpgrade: websocket\nSec-WebSocket-Version: 13\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\nOrigin: ";
        assertThat(http.raw(head + "http://evil.example")).startsWith("HTTP/1.1 403");
    }

    @ParameterizedTest
    @ValueSource(strings = {"/api/health", "/api/nothing", "/v1/models", "/v1/nothing", "/"})
    void everyAnswerCarriesTheSecurityHeaders(String path) throws Exception {
        var headers = http.get(path).headers();
        assertThat(headers.firstValue("x-content-type-options")).hasValue("nosniff");
        assertThat(headers.firstValue("referrer-policy")).hasValue("no-referrer");
        assertThat(headers.firstValue("content-security-policy").orElse("")).contains("frame-ancestors 'none'");
        assertThat(headers.firstValue("server")).isEmpty();
    }

    @Test
    void withATokenEverythingButHealthWantsIt() throws Exception {
        Path file = folder.resolve("token");
        Files.writeString(file, "correct-horse-battery\n");
        try (Http guarded = new Http(folder.resolve("guarded"), file)) {
            assertThat(guarded.get("/api/health").statusCode()).isEqualTo(200);
            assertThat(guarded.get("/api/models").statusCode()).isEqualTo(401);
            assertThat(guarded.get("/v1/models").statusCode()).isEqualTo(401);
            assertThat(guarded.get("/").statusCode()).isEqualTo(401);
            assertThat(guarded.get("/api/models", "Authorization", "Bearer wrong")
                            .statusCode())
                    .isEqualTo(401);
            assertThat(guarded.get("/api/models", "Authorization", "Bearer correct-horse-battery")
                            .statusCode())
                    .isEqualTo(200);
            HttpResponse<String> welcome = guarded.get("/?token=correct-horse-battery");
            assertThat(welcome.statusCode()).isEqualTo(303);
            String cookie = welcome.headers().firstValue("set-cookie").orElse("");
            assertThat(cookie).contains("HttpOnly", "SameSite=Strict");
            assertThat(welcome.headers().firstValue("location").orElse("")).doesNotContain("correct-horse");
            assertThat(guarded.get("/api/models", "Cookie", cookie.split(";")[0])
                            .statusCode())
                    .isEqualTo(200);
        }
    }

    @Test
    void aTokenThatIsTooShortOrNoWordIsRefused() throws Exception {
        Path file = folder.resolve("bad-token");
        for (String token : new String[] {"", "short", "two words here", "semi;colon;token"}) {
            Files.writeString(file, token);
            assertThatThrownBy(() -> new Http(folder.resolve("bad"), file)).isInstanceOf(UsageException.class);
        }
    }
}
