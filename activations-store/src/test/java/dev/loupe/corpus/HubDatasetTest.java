package dev.loupe.corpus;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpServer;
import dev.loupe.base.LoupeException;
import dev.loupe.base.UsageException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HubDatasetTest {
    @TempDir
    Path home;

    private HttpServer hub;
    private String endpoint = "";
    private final List<String> requests = new ArrayList<>();
    private volatile int breakAfter = -1;

    private static final String FIRST = "{\"story\": \"one\"}\n" + "\n".repeat(1 << 20) + "{\"story\": \"two\"}\n";
    private static final String SECOND = "{\"story\": \"three\"}\n";

    @BeforeEach
    void serve() throws IOException {
        hub = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        endpoint = "http://127.0.0.1:" + hub.getAddress().getPort();
        hub.createContext("/", exchange -> {
            String path = exchange.getRequestURI().getPath();
            String range = exchange.getRequestHeaders().getFirst("Range");
            requests.add(path + (range == null ? "" : " " + range));
            String body = switch (path) {
                case "/api/datasets/org/stories" -> "{\"sha\": \"abc123\"}";
                case "/api/datasets/org/stories/parquet" ->
                    "{\"small\": {\"train\": [\"" + endpoint + "/f/0.jsonl\", \"" + endpoint
                            + "/f/1.jsonl\"], \"test\": []}}";
                case "/f/0.jsonl" -> FIRST;
                case "/f/1.jsonl" -> SECOND;
                default -> null;
            };
            byte[] bytes = body == null ? new byte[0] : body.getBytes(StandardCharsets.UTF_8);
            int from = range == null ? 0 : Integer.parseInt(range.substring("bytes=".length(), range.length() - 1));
            exchange.sendResponseHeaders(
                    body == null ? 404 : from > 0 ? 206 : 200, bytes.length == 0 ? -1 : bytes.length - from);
            int end = breakAfter >= 0 && path.startsWith("/f/")
                    ? Math.min(bytes.length, from + breakAfter)
                    : bytes.length;
            try {
                exchange.getResponseBody().write(bytes, from, end - from);
                exchange.close();
            } catch (IOException e) {
                exchange.close();
            }
        });
        hub.start();
    }

    @AfterEach
    void stop() {
        hub.stop(0);
    }

    private HubDataset open(String spec, Map<String, String> more) {
        Map<String, String> environment =
                new java.util.HashMap<>(Map.of("HF_HOME", home.toString(), "HF_ENDPOINT", endpoint));
        environment.putAll(more);
        return HubDataset.of(spec, "", environment, Duration.ofMillis(1));
    }

    private static List<String> texts(DocumentSource source) {
        try (Stream<Document> all = source.open()) {
            return all.map(Document::text).toList();
        }
    }

    @Test
    void files_are_downloaded_when_the_reading_reaches_them_and_read_offline_afterwards() {
        HubDataset dataset = open("hf:org/stories:small:train:story", Map.of());
        assertThat(requests).noneMatch(r -> r.startsWith("/f/"));
        try (Stream<Document> all = dataset.open()) {
            assertThat(all.iterator().next().text()).isEqualTo("one");
        }
        assertThat(requests).contains("/f/0.jsonl").doesNotContain("/f/1.jsonl");
        assertThat(texts(dataset)).containsExactly("one", "two", "three");
        String fingerprint = dataset.fingerprint();
        hub.stop(0);
        HubDataset again = open("hf:org/stories:small:train:story", Map.of("HF_HUB_OFFLINE", "1"));
        assertThat(texts(again)).containsExactly("one", "two", "three");
        assertThat(again.fingerprint()).isEqualTo(fingerprint);
    }

    @Test
    void a_download_that_broke_off_goes_on_where_it_stopped() {
        HubDataset dataset = open("hf:org/stories::train:story", Map.of());
        breakAfter = 100_000; // too little even for all tries together
        assertThatThrownBy(() -> texts(dataset))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("run the same again");
        breakAfter = -1;
        assertThat(texts(dataset)).containsExactly("one", "two", "three");
        assertThat(requests).anyMatch(r -> r.matches("/f/0.jsonl bytes=[1-9][0-9]*-"));
    }

    @Test
    void the_hubs_own_cache_is_read_where_it_lies() throws IOException {
        Path folder = home.resolve("hub/datasets--org--cached");
        Files.createDirectories(folder.resolve("refs"));
        Files.writeString(folder.resolve("refs/main"), "r1");
        Path data = Files.createDirectories(folder.resolve("snapshots/r1/data"));
        Files.writeString(data.resolve("train-00000-of-00001.jsonl"), "{\"text\": \"kept\"}\n");
        Files.writeString(data.resolve("test-00000-of-00001.jsonl"), "{\"text\": \"other\"}\n");
        HubDataset dataset = open("hf:org/cached", Map.of("HF_HUB_OFFLINE", "1"));
        assertThat(texts(dataset)).containsExactly("kept");
        assertThat(dataset.describe()).contains("r1");
        assertThat(requests).isEmpty();
    }

    @Test
    void what_is_missing_is_said_with_its_cure() {
        assertThatThrownBy(() -> open("hf:org/stories", Map.of("HF_HUB_OFFLINE", "1")))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("HF_HUB_OFFLINE")
                .hasMessageContaining(home.toString());
        assertThatThrownBy(() -> open("hf:org/nothing", Map.of()))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("no dataset org/nothing");
        assertThatThrownBy(() -> open("hf:org/stories:small:dev", Map.of()))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("no split \"dev\"")
                .hasMessageContaining("train");
        assertThatThrownBy(() -> open("hf:org/stories:big", Map.of()))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("small");
        assertThatThrownBy(() -> open("hf:../x", Map.of())).isInstanceOf(UsageException.class);
        hub.stop(0);
        assertThatThrownBy(() -> open("hf:org/stories", Map.of()))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("check the network");
    }
}
