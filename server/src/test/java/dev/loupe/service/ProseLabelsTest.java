package dev.loupe.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpServer;
import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.cli.SmallWorkspace;
import dev.loupe.feature.FeatureSummary;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** Labels in prose by a service that this test plays. */
class ProseLabelsTest {
    private static final String KEY = "sk-very-secret";

    @TempDir
    Path folder;

    private HttpServer server;
    private final List<String> authorizations = new ArrayList<>();
    private BiFunction<String, String, String> answer = (system, user) -> "";
    private int status = 200;

    @BeforeEach
    void start() throws IOException {
        server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
        server.createContext("/v1/chat/completions", exchange -> {
            authorizations.add(exchange.getRequestHeaders().getFirst("Authorization"));
            JsonNode body = Json.MAPPER.readTree(exchange.getRequestBody().readAllBytes());
            String text = answer.apply(
                    body.path("messages").get(0).path("content").asString(),
                    body.path("messages").get(1).path("content").asString());
            byte[] bytes = Json.line(Map.of("choices", List.of(Map.of("message", Map.of("content", text)))))
                    .getBytes(StandardCharsets.UTF_8);
            if (status == 302) {
                exchange.getResponseHeaders().add("Location", "http://127.0.0.1:1/secret");
            }
            exchange.sendResponseHeaders(status, bytes.length);
            exchange.getResponseBody().write(bytes);
            exchange.close();
        });
        server.start();
    }

    @AfterEach
    void stop() {
        server.stop(0);
    }

    private String url() {
        return "http://127.0.0.1:" + server.getAddress().getPort() + "/v1/";
    }

    /** A workspace whose notes are its own. */
    private Workbench bench() throws IOException {
        Path workspace = folder.resolve("w");
        Files.createDirectories(workspace);
        for (String part : List.of("saes", "features", "activations")) {
            Files.createSymbolicLink(
                    workspace.resolve(part),
                    SmallWorkspace.folder().toAbsolutePath().resolve(part));
        }
        return new Workbench(
                Workspace.create(workspace),
                Settings.load(Map.of(Settings.Key.WORKSPACE, workspace.toString()), Map.of()));
    }

    @Test
    void an_explanation_is_asked_for_scored_on_held_out_examples_and_kept() throws IOException {
        try (Workbench bench = bench()) {
            FeatureSummary s = bench.features().index("tiny-s0").all().stream()
                    .filter(f -> f.density() < 0.05)
                    .max(Comparator.comparingDouble(FeatureSummary::topTokenShare)
                            .thenComparingLong(FeatureSummary::fired))
                    .orElseThrow();
            String token = s.topToken();
            answer = (system, user) -> {
                if (!system.contains("described as")) {
                    assertThat(user).contains("<<").contains(token.strip());
                    return "They share a token. [EXPLANATION]: the token" + token;
                }
                assertThat(system).contains("the token");
                // knows the token: right for texts, and for marks where it is the one that is marked
                boolean marks = system.contains("marked");
                List<String> bits = user.lines()
                        .map(l -> l.contains(marks ? "<<" + token : token) ? "1" : "0")
                        .toList();
                return "I think [" + String.join(", ", bits) + "]";
            };
            Notes notes = bench.notes();
            ProseLabels prose = new ProseLabels(bench.features(), notes, new ChatService(url(), "tiny", KEY));
            Explanation e = prose.explain("tiny-s0", s.id(), Progress.silent());
            assertThat(e.text()).isEqualTo(("the token" + token).strip().replaceAll("\\s+", " "));
            assertThat(e.detection()).isBetween(0.5, 1.0);
            assertThat(e.fuzzing()).isBetween(0.5, 1.0);
            assertThat(e.author()).isEqualTo("tiny");
            assertThat(e.promptHash()).hasSize(64);
            assertThat(notes.explanations("tiny-s0", s.id())).containsExactly(e);
            assertThat(authorizations).allMatch(a -> a.equals("Bearer " + KEY));
            try (var files = Files.walk(bench.workspace().notes())) {
                for (Path file : files.filter(Files::isRegularFile).toList()) {
                    assertThat(Files.readString(file)).doesNotContain(KEY);
                }
            }
        }
    }

    @Test
    void failures_are_said_without_the_key_and_redirects_are_not_followed() throws IOException {
        ChatService chat = new ChatService(url(), "tiny", KEY);
        for (int code : new int[] {401, 500, 302}) {
            status = code;
            assertThatThrownBy(() -> chat.ask("a", "b", 5))
                    .isInstanceOf(LoupeException.class)
                    .hasMessageContaining("status " + code)
                    .message()
                    .doesNotContain(KEY);
        }
        status = 200;
        answer = (system, user) -> " ";
        assertThatThrownBy(() -> chat.ask("a", "b", 5)).hasMessageContaining("no text");
        server.stop(0);
        assertThatThrownBy(() -> chat.ask("a", "b", 5))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("cannot be reached");
    }

    @Test
    void it_is_off_unless_set_and_refuses_addresses_that_would_give_the_key_away() throws IOException {
        try (Workbench bench = bench()) {
            assertThat(bench.prose().isOn()).isFalse();
            assertThatThrownBy(() -> bench.prose().explain("tiny-s0", 1, Progress.silent()))
                    .isInstanceOf(UsageException.class)
                    .hasMessageContaining("LOUPE_LABEL_URL");
        }
        for (String bad :
                List.of("file:///etc/passwd", "http://user:word@localhost/v1", "localhost", "ftp://x/y", "a b")) {
            assertThatThrownBy(() -> new ChatService(bad, "m", null)).isInstanceOf(UsageException.class);
        }
        assertThatThrownBy(() -> new ChatService("http://example.com/v1", "m", KEY))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("unencrypted")
                .message()
                .doesNotContain(KEY);
        assertThatThrownBy(() -> new ChatService("http://localhost/v1", " ", null))
                .hasMessageContaining("label-model");
    }
}
