package dev.loupe.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Requests that are answered for their head alone, while their body is on its way. */
class UnreadTest {
    private static final String TOKEN = "token-of-a-person";

    @TempDir
    static Path folder;

    private static Http http;

    @BeforeAll
    static void start() throws IOException {
        Path tokens = Files.write(folder.resolve("tokens"), List.of(TOKEN));
        http = Http.standing(folder.resolve("workspace"), tokens, 1000);
    }

    @AfterAll
    static void stop() {
        http.close();
    }

    /** One connection, on which a client sends and reads by hand. */
    private static final class Wire implements AutoCloseable {
        private final Socket socket;
        private final BufferedReader in;

        Wire() throws IOException {
            socket = new Socket("127.0.0.1", http.server().port());
            socket.setTcpNoDelay(true);
            socket.setSoTimeout(120_000);
            in = new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8));
        }

        void send(String text) throws IOException {
            socket.getOutputStream().write(text.getBytes(StandardCharsets.UTF_8));
        }

        /** The head of the next answer, in lower case; its body is passed over. */
        String answer() throws IOException {
            StringBuilder head = new StringBuilder();
            String line = in.readLine();
            assertThat(line).as("an answer").startsWith("HTTP/1.1");
            int length = 0;
            for (; line != null && !line.isEmpty(); line = in.readLine()) {
                String lower = line.toLowerCase(Locale.ROOT);
                length = lower.startsWith("content-length:")
                        ? Integer.parseInt(lower.substring(15).strip())
                        : length;
                head.append(lower).append('\n');
            }
            for (int i = 0; i < length; i++) {
                assertThat(in.read()).isNotNegative(); // bodies here are ASCII
            }
            return head.toString();
        }

        @Override
        public void close() throws IOException {
            socket.close();
        }
    }

    private static String head(String line, String token, String length) {
        return line + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                + (token.isEmpty() ? "" : "Authorization: Bearer " + token + "\r\n") + length + "\r\n\r\n";
    }

    /** The head arrives alone, as it may on any network: a program that goes on with its connection is answered. */
    @ParameterizedTest
    @CsvSource({
        "POST /api/steer, '', 401",
        "POST /v1/completions, wrong, 401",
        "PUT /api/variants/x, wrong, 401",
        "POST /logout, '', 303",
        "POST /login, '', 401",
        "PUT /login, '', 200",
        "POST /pages?token=token-of-a-person, '', 303",
        "POST /api/no-such-route, token-of-a-person, 404",
        "PUT /api/lists/..%2Fsecret, token-of-a-person, 400",
        "POST /api/jobs/..%2Fsecret/cancel, token-of-a-person, 400",
        "PUT /api/lists/%00, token-of-a-person, 400",
        "POST /api/jobs/none/cancel, token-of-a-person, 404",
        "PUT /api/graphs/-rf/view, token-of-a-person, 400",
        "POST /api/graphs/-rf/import, token-of-a-person, 400",
        "DELETE /api/lists/none, token-of-a-person, 404",
    })
    void aConnectionIsUsedAgainOrSaidToEnd(String line, String token, int status) throws IOException {
        try (Wire wire = new Wire()) {
            for (int i = 0; i < 3; i++) {
                wire.send(head(line, token, "Content-Length: 2"));
                pause();
                wire.send("{}");
                String answer = wire.answer();
                assertThat(answer).startsWith("http/1.1 " + status);
                if (answer.contains("connection: close")) {
                    return;
                }
            }
        }
    }

    /** The gate itself reads what is short: its refusals cost nobody a connection. */
    @Test
    void aShortBodyOfARefusedRequestIsRead() throws IOException {
        try (Wire wire = new Wire()) {
            wire.send(head("POST /api/steer", "wrong", "Content-Length: 2"));
            pause();
            wire.send("{}");
            assertThat(wire.answer()).startsWith("http/1.1 401").doesNotContain("connection: close");
            wire.send(head("GET /api/models", TOKEN, "Accept: */*"));
            assertThat(wire.answer()).startsWith("http/1.1 200");
        }
    }

    @ParameterizedTest
    @CsvSource({"Content-Length: 999999999", "Transfer-Encoding: chunked"})
    void aBodyWithoutEndIsNotWaitedFor(String length) throws IOException {
        try (Wire wire = new Wire()) {
            wire.send(head("POST /api/steer", "wrong", length));
            assertThat(wire.answer()).startsWith("http/1.1 401").contains("connection: close");
        }
    }

    /**
     * What is too long is read all the same up to some megabytes: a client that sends first and listens then is answered, and
     * goes on with its connection.
     */
    @ParameterizedTest
    @CsvSource({"/api/steer, 3000000", "/v1/completions, 3000000", "/v1/completions, 8000000"})
    void whoIsStillSendingWhatIsTooLongHearsSo(String path, int length) throws IOException {
        try (Wire wire = new Wire()) {
            String piece = "a".repeat(100_000);
            for (int i = 0; i < 2; i++) {
                wire.send(head("POST " + path, TOKEN, "Content-Length: " + length));
                pause(); // the server has seen the head and could have said no
                for (int sent = 0; sent < length; sent += piece.length()) {
                    wire.send(piece);
                }
                pause();
                assertThat(wire.answer()).startsWith("http/1.1 413").doesNotContain("connection: close");
            }
        }
    }

    /** Long enough that the server has seen the head without its body. */
    private static void pause() {
        try {
            Thread.sleep(150);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
