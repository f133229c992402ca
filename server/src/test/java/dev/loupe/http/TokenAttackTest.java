package dev.loupe.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Who has no token, guesses one, forges a cookie, or wants to be sent elsewhere after signing in. */
class TokenAttackTest {
    private static final String TOKEN = "correct-horse-battery";
    private static final String SECOND = "another-person's-own";

    @TempDir
    static Path folder;

    private static Http http;

    @BeforeAll
    static void start() throws Exception {
        Path file = folder.resolve("tokens");
        Files.writeString(file, "# the lab\n" + TOKEN + "\n\n" + SECOND + "\n");
        http = new Http(folder.resolve("guarded"), file);
    }

    @AfterAll
    static void stop() {
        http.close();
    }

    private static HttpResponse<String> login(String token, String next) throws Exception {
        return http.post(
                "/login",
                "token=" + URLEncoder.encode(token, StandardCharsets.UTF_8) + "&next="
                        + URLEncoder.encode(next, StandardCharsets.UTF_8),
                "Content-Type",
                "application/x-www-form-urlencoded");
    }

    private static String cookie(HttpResponse<String> r) {
        return r.headers().firstValue("set-cookie").orElse("").split(";")[0];
    }

    @ParameterizedTest
    @ValueSource(strings = {"/", "/saes", "/api/models", "/v1/models", "/css/loupe.css", "/VAADIN/push", "/logout"})
    void withoutATokenNothingIsShown(String path) throws Exception {
        HttpResponse<String> r = http.get(path);
        assertThat(r.statusCode()).isEqualTo(401);
        assertThat(r.body()).contains("token").doesNotContain(TOKEN);
    }

    @Test
    void aPersonGivesTheTokenOnAPageWithoutScriptsAndGetsACookieThatNoScriptReads() throws Exception {
        HttpResponse<String> page = http.get("/saes?x=1", "Accept", "text/html");
        assertThat(page.statusCode()).isEqualTo(401);
        assertThat(page.body()).contains("<form", "value=\"/saes?x=1\"").doesNotContain("<script");
        assertThat(page.headers().firstValue("content-security-policy").orElse(""))
                .startsWith("default-src 'none'")
                .doesNotContain("script-src");
        for (String token : List.of(TOKEN, SECOND)) {
            HttpResponse<String> r = login(token, "/saes?x=1");
            assertThat(r.statusCode()).isEqualTo(303);
            assertThat(r.headers().firstValue("location")).hasValue("/saes?x=1");
            assertThat(r.headers().firstValue("set-cookie").orElse(""))
                    .contains("HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=2592000")
                    .doesNotContain(token);
            assertThat(http.get("/api/models", "Cookie", cookie(r)).statusCode())
                    .isEqualTo(200);
            assertThat(http.get("/v1/models", "Cookie", cookie(r)).statusCode()).isEqualTo(200);
            assertThat(http.get("/", "Cookie", cookie(r)).statusCode()).isNotEqualTo(401);
            assertThat(http.get("/login", "Cookie", cookie(r)).body()).contains("Sign out");
            HttpResponse<String> out = http.post("/logout", "", "Cookie", cookie(r));
            assertThat(out.headers().firstValue("set-cookie").orElse(""))
                    .contains("loupe-token=;", "Expires=Thu, 01 Jan 1970");
        }
    }

    @Test
    void theCookieOpensTheEventsOfJobsAndThePushSocket() throws Exception {
        String cookie = cookie(login(TOKEN, "/"));
        String push = "GET /VAADIN/push HTTP/1.1\nHost: localhost\nConnection: Upgrade, close\nUpgrade: websocket\n"
                + "Sec-WebSocket-Version: 13\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
        assertThat(http.raw(push)).startsWith("HTTP/1.1 401");
        assertThat(http.raw(push + "\nCookie: " + cookie)).doesNotStartWith("HTTP/1.1 401");
        assertThat(http.get("/api/jobs/none/events", "Cookie", cookie).statusCode())
                .isEqualTo(404);
        assertThat(http.get("/api/jobs/none/events").statusCode()).isEqualTo(401);
        // a real job: its process looks for SAEs that are not there, and says so
        HttpResponse<String> started = http.post(
                "/api/jobs",
                "{\"kind\": \"compare\", \"request\": {\"a\": \"no\", \"b\": \"none\"}}",
                "Cookie",
                cookie);
        assertThat(started.statusCode()).as(started.body()).isEqualTo(202);
        String events = "/api/jobs/" + Http.json(started).path("id").asString("") + "/events";
        assertThat(http.get(events).statusCode()).isEqualTo(401);
        HttpResponse<String> heard = http.get(events, "Cookie", cookie);
        assertThat(heard.headers().firstValue("content-type").orElse("")).startsWith("text/event-stream");
        assertThat(heard.body()).contains("event: start", "event: failed", "event: end", "There is no SAE");
    }

    @Test
    void cookiesThatWereForgedAgedOrSignedWithAnotherTokenAreRefused() throws Exception {
        long now = Instant.now().getEpochSecond();
        AccessTokens tokens = new AccessTokens(List.of(TOKEN));
        String good = tokens.cookie(0, now);
        assertThat(tokens.numberOfCookie(good, now)).isZero();
        assertThat(tokens.numberOfCookie(good, now + AccessTokens.COOKIE_SECONDS - 1))
                .isZero();
        assertThat(tokens.numberOfCookie(good, now + AccessTokens.COOKIE_SECONDS))
                .isEqualTo(-1);
        assertThat(new AccessTokens(List.of("the-token-was-changed")).numberOfCookie(good, now))
                .isEqualTo(-1);
        String signature = good.substring(good.indexOf('.'));
        for (String forged : new String[] {
            "",
            ".",
            TOKEN,
            good + "x",
            good.substring(1),
            (now + 10) + signature,
            (now + 10 * AccessTokens.COOKIE_SECONDS) + signature,
            "99999999999999999999999" + signature,
            "-1" + signature,
            tokens.cookie(0, now + 1000).substring(0, 10) + "."
        }) {
            assertThat(tokens.numberOfCookie(forged, now)).as(forged).isEqualTo(-1);
            if (forged.matches("[\\x21-\\x7e]*")) {
                assertThat(http.get("/api/models", "Cookie", "loupe-token=" + forged)
                                .statusCode())
                        .as(forged)
                        .isEqualTo(401);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "//evil.example",
                "/\\evil.example",
                "http://evil.example",
                "javascript:alert(1)",
                "/login",
                "",
                "/a\r\nSet-Cookie: x=y"
            })
    void nobodyIsSentElsewhereAfterSigningIn(String next) throws Exception {
        HttpResponse<String> r = login(TOKEN, next);
        assertThat(r.statusCode()).isEqualTo(303);
        assertThat(r.headers().firstValue("location")).hasValue("/");
        assertThat(r.headers().firstValue("x-y")).isEmpty();
        assertThat(login("wrong-token", "/\"><script>alert(1)</script>").body()).doesNotContain("<script");
    }

    @Test
    void aForeignPageSignsNobodyIn() throws Exception {
        assertThat(http.post(
                                "/login",
                                "token=" + TOKEN,
                                "Content-Type",
                                "application/x-www-form-urlencoded",
                                "Origin",
                                "http://evil.example")
                        .statusCode())
                .isEqualTo(403);
    }

    @Test
    void guessingIsSlowedDownWhateverIsGuessedWith() throws Exception {
        Path file = folder.resolve("guessed");
        Files.writeString(file, TOKEN);
        try (Http guessed = Http.standing(folder.resolve("slow"), file, 0)) {
            for (int i = 0; i < 30; i++) {
                assertThat(guessed.get("/api/models", "Authorization", "Bearer guess-" + i)
                                .statusCode())
                        .isEqualTo(401);
            }
            assertThat(guessed.get("/api/models", "Authorization", "Bearer " + TOKEN)
                            .statusCode())
                    .isEqualTo(429);
            HttpResponse<String> form =
                    guessed.post("/login", "token=" + TOKEN, "Content-Type", "application/x-www-form-urlencoded");
            assertThat(form.statusCode()).isEqualTo(429);
            assertThat(form.headers().firstValue("retry-after").orElse("")).matches("[1-9]\\d?");
            assertThat(guessed.get("/?token=" + TOKEN).statusCode()).isEqualTo(429);
            assertThat(guessed.get("/api/models").statusCode()).isEqualTo(401); // no guess
            String cookie =
                    new AccessTokens(List.of(TOKEN)).cookie(0, Instant.now().getEpochSecond());
            assertThat(guessed.get("/api/models", "Cookie", "loupe-token=" + cookie)
                            .statusCode())
                    .as("who is in stays in")
                    .isEqualTo(200);
        }
    }

    @Test
    void guessesThatAreSentAtOnceAreNoMoreThanThoseInARow() throws Exception {
        Path file = folder.resolve("at-once");
        Files.writeString(file, TOKEN);
        try (Http guessed = Http.standing(folder.resolve("parallel"), file, 0);
                HttpClient client = HttpClient.newHttpClient()) {
            URI uri = URI.create("http://127.0.0.1:" + guessed.server().port() + "/api/models");
            List<CompletableFuture<HttpResponse<Void>>> all = IntStream.range(0, 150)
                    .mapToObj(i -> client.sendAsync(
                            HttpRequest.newBuilder(uri)
                                    .header("Authorization", "Bearer guess-" + i)
                                    .build(),
                            HttpResponse.BodyHandlers.discarding()))
                    .toList();
            int looked = 0;
            for (CompletableFuture<HttpResponse<Void>> one : all) {
                int status = one.get().statusCode();
                assertThat(status).isIn(401, 429);
                looked += status == 401 ? 1 : 0;
            }
            assertThat(looked).isEqualTo(Guesses.EACH);
        }
    }

    /** Without a restart: who left the laboratory is out within a second or two. */
    @Test
    void aTokenThatIsTakenOutOfTheFileOpensNothingAnyMore() throws Exception {
        Path file = folder.resolve("changing");
        Files.writeString(file, TOKEN + "\n" + SECOND + "\n");
        try (Http guarded = new Http(folder.resolve("revoked"), file)) {
            String cookie =
                    new AccessTokens(List.of(TOKEN)).cookie(0, Instant.now().getEpochSecond());
            String[] browser = {"Cookie", "loupe-token=" + cookie};
            String[] program = {"Authorization", "Bearer " + TOKEN};
            assertThat(guarded.get("/api/models", browser).statusCode()).isEqualTo(200);
            Files.writeString(file, SECOND + "\n");
            for (int i = 0; i < 1200 && guarded.get("/api/models", browser).statusCode() != 401; i++) {
                Thread.sleep(50);
            }
            assertThat(guarded.get("/api/models", browser).statusCode()).isEqualTo(401);
            assertThat(guarded.get("/api/models", program).statusCode()).isEqualTo(401);
            assertThat(guarded.get("/api/models", "Authorization", "Bearer " + SECOND)
                            .statusCode())
                    .isEqualTo(200);
        }
    }

    @Test
    void aFormThatIsTooLongOrNoFormIsNotRead() throws Exception {
        String[] form = {"Content-Type", "application/x-www-form-urlencoded"};
        assertThat(http.post("/login", "token=" + TOKEN + "&x=" + "y".repeat(10_000), form)
                        .statusCode())
                .isEqualTo(401);
        assertThat(http.post("/login", "{\"token\": \"" + TOKEN + "\"}").statusCode())
                .isEqualTo(401);
        assertThat(http.post("/login", "token=%zz%", form).statusCode()).isEqualTo(401);
        assertThat(http.raw("GET /?token=%zz HTTP/1.1\nHost: localhost")).startsWith("HTTP/1.1 401");
    }
}
