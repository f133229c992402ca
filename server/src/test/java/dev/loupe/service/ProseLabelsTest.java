package dev.loupe.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpServer;
import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.cli.SmallWorkspace;
import dev.loupe.feature.Example;
import dev.loupe.feature.FeatureSummary;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiFunction;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.Stream;
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
        Path workspace = workspace();
        return new Workbench(
                Workspace.create(workspace),
                Settings.load(Map.of(Settings.Key.WORKSPACE, workspace.toString()), Map.of()));
    }

    private Path workspace() throws IOException {
        Path workspace = folder.resolve("w");
        SmallWorkspace.linked(workspace, "saes", "features", "activations");
        return workspace;
    }

    /** Features that have enough held-out examples to be scored on, those of one token first. */
    private static List<FeatureSummary> features(Workbench bench) {
        return bench.features().index("tiny-s0").all().stream()
                .filter(f -> f.density() < 0.05
                        && bench.features().detail("tiny-s0", f.id()).scoring().size() >= 4)
                .sorted(Comparator.comparingDouble((FeatureSummary f) -> -f.topTokenShare())
                        .thenComparingInt(FeatureSummary::id))
                .toList();
    }

    private static FeatureSummary feature(Workbench bench) {
        return features(bench).getFirst();
    }

    /** Answers every text by whether it is one of those on which the feature fires. */
    private void judgeBy(Workbench bench, int id, UnaryOperator<String> judged) {
        Set<String> firing = bench.features().detail("tiny-s0", id).scoring().stream()
                .map(e -> String.join("", e.tokens()).replace("\n", "↵"))
                .collect(Collectors.toSet());
        answer = (system, user) -> system.contains("described as")
                ? "I think "
                        + user.lines()
                                .map(l -> l.substring(l.indexOf(". ") + 2)
                                        .replace("<<", "")
                                        .replace(">>", ""))
                                .map(text -> judged.apply(firing.contains(text) ? "1" : "0"))
                                .toList()
                : "They share something. [EXPLANATION]: what  they\n share";
    }

    @Test
    void an_explanation_is_scored_on_held_out_texts_1_if_always_right_0_if_always_wrong_a_half_if_blind()
            throws IOException {
        try (Workbench bench = bench()) {
            int id = feature(bench).id();
            ProseLabels prose = new ProseLabels(bench.features(), bench.notes(), new ChatService(url(), "tiny", KEY));
            Map<UnaryOperator<String>, Double> scores =
                    Map.of(b -> b, 1.0, b -> b.equals("1") ? "0" : "1", 0.0, b -> "1", 0.5);
            for (Map.Entry<UnaryOperator<String>, Double> e : scores.entrySet()) {
                judgeBy(bench, id, e.getKey());
                Explanation said = prose.explain("tiny-s0", id, Progress.silent());
                assertThat(said.text()).isEqualTo("what they share");
                assertThat(said.detection()).isEqualTo(e.getValue());
                assertThat(said.fuzzing()).isEqualTo(e.getValue());
                assertThat(said.author()).isEqualTo("tiny");
                assertThat(said.promptHash()).hasSize(64);
                assertThat(bench.notes().explanations("tiny-s0", id)).startsWith(said);
            }
            assertThat(authorizations).isNotEmpty().allMatch(a -> a.equals("Bearer " + KEY));
        }
    }

    @Test
    void the_model_sees_training_examples_with_marks_and_is_judged_on_others() throws IOException {
        try (Workbench bench = bench()) {
            FeatureSummary s = feature(bench);
            List<String> asked = new ArrayList<>();
            judgeBy(bench, s.id(), b -> b);
            BiFunction<String, String, String> judge = answer;
            answer = (system, user) -> {
                asked.add(user);
                return judge.apply(system, user);
            };
            new ProseLabels(bench.features(), bench.notes(), new ChatService(url(), "tiny", null))
                    .explain("tiny-s0", s.id(), Progress.silent());
            assertThat(asked.getFirst()).contains("<<").contains(s.topToken().strip());
            for (Example e : bench.features().detail("tiny-s0", s.id()).scoring()) {
                String text = String.join("", e.tokens()).replace("\n", "↵");
                assertThat(asked.getFirst()).doesNotContain(text);
                assertThat(e.heldOut()).isTrue();
            }
            // detection shows plain texts, fuzzing the same with marks
            assertThat(asked.get(1)).doesNotContain("<<");
            assertThat(asked.getLast()).contains("<<");
            assertThat(authorizations).containsOnlyNulls();
        }
    }

    @Test
    void many_features_are_labelled_once_and_those_that_fail_are_named_until_three_in_a_row_do() throws IOException {
        try (Workbench bench = bench()) {
            int id = feature(bench).id();
            int other = features(bench).get(1).id();
            judgeBy(bench, id, b -> b);
            BiFunction<String, String, String> judge = answer;
            ProseLabels prose = new ProseLabels(bench.features(), bench.notes(), new ChatService(url(), "tiny", KEY));
            answer = (system, user) -> system.contains("described as") && authorizations.size() < 3
                    ? "no list"
                    : judge.apply(system, user);
            LabelSpec both = new LabelSpec("tiny-s0", List.of(other, id), null, null, null);
            LabelRun first = prose.explain(both, Progress.silent());
            assertThat(first.failed()).containsOnlyKeys(other);
            assertThat(first.failed().get(other)).contains("too small");
            assertThat(first.explanations()).extracting(Explanation::feature).containsExactly(id);
            LabelRun second = prose.explain(both, Progress.silent());
            assertThat(second.kept()).containsExactly(id);
            assertThat(second.explanations()).extracting(Explanation::feature).containsExactly(other);

            answer = (system, user) -> "";
            LabelSpec top = new LabelSpec("tiny-s0", null, null, 5, true);
            int before = authorizations.size();
            assertThatThrownBy(() -> prose.explain(top, Progress.silent())).hasMessageContaining("no text");
            assertThat(authorizations).hasSize(before + 3);
            assertThatThrownBy(() -> prose.explain(
                            new LabelSpec("tiny-s0", List.of(1_000_000), null, null, null), Progress.silent()))
                    .hasMessageContaining("no feature 1000000");
            assertThat(authorizations).hasSize(before + 3);
        }
    }

    @Test
    void the_key_is_written_nowhere_not_even_when_the_service_repeats_it() throws IOException {
        Path workspace = workspace();
        Settings settings = Settings.load(
                Map.of(
                        Settings.Key.WORKSPACE,
                        workspace.toString(),
                        Settings.Key.LABEL_URL,
                        url(),
                        Settings.Key.LABEL_MODEL,
                        "tiny"),
                Map.of());
        try (Workbench bench = new Workbench(Workspace.create(workspace), settings, KEY)) {
            int id = feature(bench).id();
            judgeBy(bench, id, b -> b);
            LabelSpec spec = new LabelSpec("tiny-s0", List.of(id), null, null, true);
            JsonNode request = Views.JSON.valueToTree(spec);
            assertThat(Tasks.title("label", request)).contains("tiny-s0");
            bench.jobs()
                    .run("label", spec, "loupe label", Progress.silent(), p -> Tasks.run(bench, "label", request, p));
            status = 401;
            answer = (system, user) -> "The key " + KEY + " is wrong.";
            assertThatThrownBy(() -> bench.jobs()
                            .run(
                                    "label",
                                    spec,
                                    "loupe label",
                                    Progress.silent(),
                                    p -> Tasks.run(bench, "label", request, p)))
                    .hasMessageContaining("status 401");
            assertThat(settings.all()).noneMatch(s -> s.value().contains(KEY));
            assertThat(bench.notes().explanations("tiny-s0", id)).isNotEmpty();
        }
        int files = 0;
        for (String part : List.of("notes", "jobs", "logs")) {
            Path folder = workspace.resolve(part);
            if (Files.isDirectory(folder)) {
                try (Stream<Path> all = Files.walk(folder)) {
                    for (Path file : all.filter(Files::isRegularFile).toList()) {
                        assertThat(Files.readString(file)).as("%s", file).doesNotContain(KEY);
                        files++;
                    }
                }
            }
        }
        assertThat(files).isGreaterThan(2);
        assertThat(authorizations).isNotEmpty().allMatch(a -> a.equals("Bearer " + KEY));
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
            assertThat(bench.prose().model()).isEmpty();
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

    /** As where a service closes what it kept open for too long: the question goes out, and nothing comes back. */
    @Test
    void a_question_on_a_connection_that_was_closed_is_asked_once_more() throws Exception {
        String content = Json.line(Map.of("choices", List.of(Map.of("message", Map.of("content", "here")))));
        String ok = "HTTP/1.1 200 OK\r\nContent-Length: " + content.length() + "\r\nConnection: close\r\n\r\n";
        try (ServerSocket listening = new ServerSocket(0, 8, InetAddress.getLoopbackAddress())) {
            AtomicInteger asked = new AtomicInteger();
            Thread.ofVirtual().start(() -> {
                while (true) {
                    try (Socket s = listening.accept()) {
                        s.getInputStream().read(new byte[4096]);
                        if (asked.getAndIncrement() % 3 != 0) { // the first of each three is closed without a word
                            s.getOutputStream().write((ok + content).getBytes(StandardCharsets.UTF_8));
                            s.getOutputStream().flush();
                            s.shutdownOutput();
                            s.getInputStream().readAllBytes();
                        }
                    } catch (IOException e) {
                        return; // the test is over
                    }
                }
            });
            ChatService chat = new ChatService("http://127.0.0.1:" + listening.getLocalPort() + "/v1", "m", null);
            assertThat(chat.ask("s", "u", 5)).isEqualTo("here");
            assertThat(asked).hasValue(2);
            assertThat(chat.ask("s", "u", 5)).isEqualTo("here");
            assertThat(asked).hasValue(3);
        }
    }
}
