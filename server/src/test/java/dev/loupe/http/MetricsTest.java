package dev.loupe.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What monitoring sees, and the ids that tie an answer to the log. */
class MetricsTest {
    private static final Pattern LINE =
            Pattern.compile("[a-zA-Z_:][a-zA-Z0-9_:]*(\\{[a-z_]+=\"[^\"\\n]*\"(,[a-z_]+=\"[^\"\\n]*\")*})? \\S+");

    @TempDir
    static Path folder;

    private static Http http;

    @BeforeAll
    static void start() {
        http = new Http(folder.resolve("w"), null);
    }

    @AfterAll
    static void stop() {
        http.close();
    }

    @Test
    void requestsAreCountedByTheTemplateOfTheirRoute() throws Exception {
        double before =
                value("loupe_http_request_seconds_count{method=\"GET\",route=\"/api/saes/{sae}\",status=\"404\"}");
        for (int i = 0; i < 5; i++) {
            assertThat(http.get("/api/saes/someone" + i).statusCode()).isEqualTo(404);
        }
        http.get("/api/no-such-address/7");
        http.get("/v1/models");
        String text = metrics();
        assertThat(value("loupe_http_request_seconds_count{method=\"GET\",route=\"/api/saes/{sae}\",status=\"404\"}"))
                .isEqualTo(before + 5);
        assertThat(text)
                .contains("route=\"/v1/models\",status=\"200\"", "route=\"none\",status=\"404\"")
                .contains("loupe_http_request_seconds_bucket{", "le=\"+Inf\"")
                .doesNotContain("someone", "no-such-address");
    }

    @Test
    void everyLineIsOfTheFormatAndEveryFigureIsThere() throws Exception {
        String text = metrics();
        for (String line : text.lines().toList()) {
            assertThat(line.startsWith("# HELP ")
                            || line.startsWith("# TYPE ")
                            || LINE.matcher(line).matches())
                    .as(line)
                    .isTrue();
        }
        assertThat(text)
                .contains(
                        "# TYPE loupe_http_request_seconds histogram",
                        "loupe_jobs{state=\"running\"} 0",
                        "loupe_sessions 0",
                        "loupe_streams 0",
                        "loupe_tokens_generated_total ",
                        "jvm_memory_used_bytes{area=\"heap\"}",
                        "jvm_memory_used_bytes{area=\"nonheap\"}",
                        "jvm_buffer_pool_used_bytes{pool=\"direct\"}",
                        "jvm_threads_current");
    }

    @Test
    void writtenTokensAndOpenStreamsAreCounted() throws Exception {
        double before = value("loupe_tokens_generated_total");
        HttpResponse<String> r = http.post(
                "/v1/completions",
                "{\"model\": \"builtin\", \"prompt\": \"The Council\", \"max_tokens\": 5, \"temperature\": 0, \"stream\": true}");
        assertThat(r.statusCode()).isEqualTo(200);
        for (int i = 0; // the end of a stream is counted a moment after its last event went
                i < 6000 && (value("loupe_streams") > 0 || value("loupe_tokens_generated_total") < before + 5);
                i++) {
            Thread.sleep(10);
        }
        assertThat(value("loupe_tokens_generated_total")).isEqualTo(before + 5);
        assertThat(value("loupe_streams")).isZero();
    }

    @Test
    void anIdIsTakenFromTheCallerOrMadeAndStandsInErrors() throws Exception {
        HttpResponse<String> given = http.get("/api/saes/nobody", Asked.HEADER, "trace-7.a");
        assertThat(given.headers().firstValue(Asked.HEADER)).hasValue("trace-7.a");
        assertThat(Http.json(given).path("request_id").asString("")).isEqualTo("trace-7.a");
        for (String bad : List.of("x".repeat(65), "a b", "<script>", "a\"b")) {
            HttpResponse<String> made = http.get("/api/saes/nobody", Asked.HEADER, bad);
            String id = made.headers().firstValue(Asked.HEADER).orElse("");
            assertThat(id).matches("[0-9a-f]{16}");
            assertThat(Http.json(made).path("request_id").asString("")).isEqualTo(id);
        }
        assertThat(http.get("/v1/models/nobody").headers().firstValue(Asked.HEADER))
                .isPresent();
        assertThat(http.get("/api/health").headers().firstValue(Asked.HEADER)).isPresent();
        // refused before any route sees it
        String refused = http.raw("GET /api/health HTTP/1.1\nHost: evil.example\n" + Asked.HEADER + ": mine");
        assertThat(refused).contains(Asked.HEADER + ": mine").contains("\"request_id\":\"mine\"");
    }

    private static String metrics() throws Exception {
        HttpResponse<String> r = http.get("/api/metrics");
        assertThat(r.statusCode()).isEqualTo(200);
        assertThat(r.headers().firstValue("content-type").orElse(""))
                .startsWith("text/plain")
                .contains("version=0.0.4");
        return r.body();
    }

    private static double value(String series) throws Exception {
        return metrics()
                .lines()
                .filter(l -> l.startsWith(series + " "))
                .mapToDouble(l -> Double.parseDouble(l.substring(series.length() + 1)))
                .findFirst()
                .orElse(0);
    }
}
