package dev.loupe.http;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.cli.SmallWorkspace;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Clients that go away, that close one side, that send too much and that ask too often. */
class LeavingTest {
    private static Http http;

    @BeforeAll
    static void start() {
        http = new Http(SmallWorkspace.folder(), null);
    }

    @AfterAll
    static void stop() {
        http.close();
    }

    private static Socket ask(String body) throws IOException {
        Socket socket = new Socket("127.0.0.1", http.server().port());
        send(socket, body);
        return socket;
    }

    private static void send(Socket socket, String body) throws IOException {
        byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
        socket.getOutputStream()
                .write(("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                                + "Content-Length: " + bytes.length + "\r\n\r\n")
                        .getBytes(StandardCharsets.UTF_8));
        socket.getOutputStream().write(bytes);
        socket.getOutputStream().flush();
    }

    /** Many texts as long as the model can write: many seconds of work. */
    private static String longWork(boolean stream) {
        return "{\"prompt\": \"a\", \"max_tokens\": 500, \"temperature\": 1, \"n\": 16, \"seed\": 1, \"stream\": "
                + stream + "}";
    }

    /** How long the model takes to write one short text now, in seconds. */
    private static double shortWork() throws Exception {
        long start = System.nanoTime();
        assertThat(http.post("/v1/completions", "{\"prompt\": \"a\", \"max_tokens\": 2}")
                        .statusCode())
                .isEqualTo(200);
        return (System.nanoTime() - start) / 1e9;
    }

    private static boolean writing() {
        return http.bench().models().open("builtin").writing() > 1;
    }

    private static void await(boolean wanted) throws InterruptedException {
        long end = System.nanoTime() + Duration.ofSeconds(120).toNanos();
        while (writing() != wanted && System.nanoTime() < end) {
            Thread.sleep(2);
        }
        assertThat(writing()).isEqualTo(wanted);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aClientThatLeavesFreesItsWork(boolean stream) throws Exception {
        Socket socket = ask(longWork(stream));
        await(true);
        socket.close();
        await(false); // long before 8,000 tokens are written
    }

    @Test
    void aClientThatClosesItsSideIsToldSo() throws Exception {
        try (Socket socket = ask(longWork(false))) {
            await(true);
            socket.shutdownOutput();
            String answer = new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertThat(answer).startsWith("HTTP/1.1 400").contains("\"error\"", "closed the connection");
        }
        await(false);
    }

    /**
     * A reader that takes nothing: its tokens wait in a queue of at most as many as it asked for and in the socket, the model
     * goes on with the others and is done with its texts all the same.
     */
    @Test
    void aReaderThatTakesNothingHoldsUpNobody() throws Exception {
        try (Socket socket = new Socket()) {
            socket.setReceiveBufferSize(1024);
            socket.connect(new InetSocketAddress("127.0.0.1", http.server().port()));
            // some megabytes of events, which no socket holds
            send(socket, longWork(true).replace("\"n\": 16", "\"n\": 16, \"logprobs\": 5"));
            await(true);
            for (int i = 0; i < 3; i++) {
                assertThat(http.post("/v1/completions", "{\"prompt\": \"a\", \"max_tokens\": 2}")
                                .statusCode())
                        .isEqualTo(200); // in the middle of its writing, and after it
            }
            await(false);
            assertThat(shortWork()).isPositive();
        }
        assertThat(shortWork()).isPositive();
    }

    @Test
    void aStreamWhoseReaderClosesItsOwnSideGoesOnToItsEnd() throws Exception {
        try (Socket socket = ask("{\"prompt\": \"a\", \"max_tokens\": 8, \"temperature\": 0, \"stream\": true}")) {
            socket.shutdownOutput();
            String answer = new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertThat(answer).startsWith("HTTP/1.1 200").contains("data: [DONE]");
        }
        await(false);
    }

    @Test
    void requestsOnOneConnectionAreAllAnswered() throws Exception {
        try (Socket socket = ask("{\"prompt\": \"a\", \"max_tokens\": 3, \"temperature\": 0}")) {
            String first = head(socket);
            assertThat(first).startsWith("HTTP/1.1 200");
        }
        assertThat(shortWork()).isPositive();
    }

    private static String head(Socket socket) throws IOException {
        byte[] some = new byte[64];
        int n = socket.getInputStream().read(some);
        return new String(some, 0, Math.max(0, n), StandardCharsets.UTF_8);
    }

    @ParameterizedTest
    @ValueSource(strings = {"/v1/completions", "/api/steer"})
    void tooManyRequestsAreRefusedWithATimeToWait(String path) throws Exception {
        try (Http limited = Http.standing(SmallWorkspace.folder(), null, 3)) {
            for (int i = 0; i < 3; i++) {
                assertThat(limited.post(path, "{}").statusCode()).isEqualTo(400);
            }
            HttpResponse<String> r = limited.post(path, "{}");
            assertThat(r.statusCode()).isEqualTo(429);
            assertThat(Integer.parseInt(r.headers().firstValue("Retry-After").orElse("0")))
                    .isBetween(1, 60);
            assertThat(r.body()).contains("Too many requests");
            if (path.startsWith("/v1")) {
                assertThat(Http.json(r).path("error").path("type").asString()).isEqualTo("rate_limit_error");
            }
            assertThat(limited.get("/v1/models").statusCode()).isEqualTo(200); // looking is free
        }
    }
}
