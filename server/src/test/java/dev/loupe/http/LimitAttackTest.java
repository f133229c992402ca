package dev.loupe.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.Socket;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Somebody with a token who asks for more than their share, by whatever way makes the server work. */
class LimitAttackTest {
    private static final int PER_MINUTE = 3;
    /** Each is refused for its content at once; counted it is all the same. */
    private static final List<String> WORKING = List.of(
            "POST /v1/completions",
            "POST /api/steer",
            "PUT /api/variants/x",
            "DELETE /api/lists/none",
            "GET /api/patches/tasks?model=none",
            "GET /api/patches/tasks/none?model=none",
            "GET /api/neurons/99/99?model=none",
            "GET /api/overlap?saes=none",
            "GET /api/search?q=none&sae=none",
            "GET /api/features/none/map",
            "GET /api/features/none/export",
            "GET /api/features/none/0/neurons",
            "GET /api/features/none/0/correlations",
            "GET /api/features/none/0/counterparts",
            "GET /api/features/none/0/neighbours",
            "GET /api/features/none/0/coactivation",
            "GET /api/graphs/none/compare/none");

    @TempDir
    static Path folder;

    private static Http http;

    @BeforeAll
    static void start() throws Exception {
        Path tokens = folder.resolve("tokens");
        Files.write(
                tokens,
                IntStream.range(0, 2 * WORKING.size() + 2)
                        .mapToObj(LimitAttackTest::token)
                        .toList());
        http = Http.standing(folder.resolve("limited"), tokens, PER_MINUTE);
    }

    @AfterAll
    static void stop() {
        http.close();
    }

    private static String token(int number) {
        return "token-of-person-" + number;
    }

    static List<String> working() {
        return WORKING;
    }

    private static HttpResponse<String> ask(String what, int person) throws Exception {
        String[] parts = what.split(" ");
        boolean body = parts[0].startsWith("P");
        return http.send(parts[0], parts[1], body ? "{}" : "", "Authorization", "Bearer " + token(person));
    }

    /** Two people behind one address: the first has used up what is theirs, the second has not. */
    @ParameterizedTest
    @MethodSource("working")
    void whatOneTokenUsedUpIsTakenFromNoOther(String what) throws Exception {
        int first = 2 * WORKING.indexOf(what);
        for (int i = 0; i < PER_MINUTE; i++) {
            assertThat(ask(what, first).statusCode()).isNotIn(401, 429).isLessThan(500);
        }
        HttpResponse<String> refused = ask(what, first);
        assertThat(refused.statusCode()).isEqualTo(429);
        assertThat(Integer.parseInt(refused.headers().firstValue("Retry-After").orElse("0")))
                .isBetween(1, 60);
        assertThat(refused.body()).contains("Too many requests", "3 a minute");
        assertThat(ask(what, first + 1).statusCode()).isNotIn(401, 429);
        assertThat(ask("GET /api/models", first).statusCode()).isEqualTo(200); // looking is free
    }

    @Test
    void aNeuronThatNobodyWaitsForIsNotWorkedOut() throws Exception {
        try (Http open = new Http(folder.resolve("open"), null)) {
            try (Socket socket = new Socket("127.0.0.1", open.server().port())) {
                socket.getOutputStream()
                        .write("GET /api/neurons/1/1 HTTP/1.1\r\nHost: localhost\r\n\r\n"
                                .getBytes(StandardCharsets.US_ASCII));
            }
            for (int i = 0;
                    i < 600 && open.counted("/api/neurons/{layer}/{neuron}").isEmpty();
                    i++) {
                Thread.sleep(50);
            }
            assertThat(open.counted("/api/neurons/{layer}/{neuron}")).containsOnlyKeys(409);
        }
    }
}
