package dev.loupe.http;

import static dev.loupe.http.Http.json;
import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.cli.SmallWorkspace;
import dev.loupe.fixtures.ProjectRoot;
import dev.loupe.fixtures.Python;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Arrays for notebooks. */
class NotebookTest {
    private static Http http;

    @BeforeAll
    static void start() {
        http = new Http(SmallWorkspace.folder(), null);
    }

    @AfterAll
    static void stop() {
        http.close();
    }

    @Test
    void the_notebook_runs_encodes_ablates_and_shows_a_page() throws Exception {
        Path python = Python.require("That a notebook reads the Arrow streams goes untested.");
        Path notebook = ProjectRoot.resolve("tests/python/notebook.py");
        assertThat(Files.readAllLines(notebook)).hasSizeLessThanOrEqualTo(30);
        String program = Files.readString(ProjectRoot.resolve("tests/python/check_notebook.py"));
        String[] printed = Python.run(
                        python,
                        program,
                        notebook,
                        "http://127.0.0.1:" + http.server().port(),
                        "tiny-s0",
                        SmallWorkspace.HOOK,
                        "I would like to thank the rapporteur")
                .strip()
                .split("\\|");
        assertThat(Double.parseDouble(printed[1])).isPositive();
        assertThat(printed[2]).contains("no SAE \"nobody\"");
    }

    @Test
    void a_stream_begins_as_arrow_has_it_and_says_its_type() throws Exception {
        HttpResponse<String> r =
                http.post("/api/activations", "{\"text\": \"thank you\", \"hooks\": [\"blocks.0.hook_resid_post\"]}");
        assertThat(r.statusCode()).isEqualTo(200);
        assertThat(r.headers().firstValue("content-type")).hasValue("application/vnd.apache.arrow.stream");
        HttpResponse<String> codes = http.post("/api/encode", "{\"sae\": \"tiny-s0\", \"texts\": [\"a\", \"b c\"]}");
        assertThat(codes.statusCode()).isEqualTo(200);
        assertThat(codes.body()).contains("latents");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "/api/activations | {\"text\": \"a\"}                                      | 400 | hook",
                "/api/activations | {\"text\": \"a\", \"hooks\": [\"blocks.77.hook_x\"]}   | 400 | no hook point",
                "/api/activations | {\"hooks\": [\"hook_embed\"]}                          | 400 | text",
                "/api/encode      | {\"text\": \"a\"}                                      | 400 | Which SAE",
                "/api/encode      | {\"sae\": \"tiny-s0\", \"vectors\": [[1, 2]]}          | 400 | reads",
                "/api/encode      | {\"sae\": \"tiny-s0\", \"text\": \"a\", \"positions\": [50]} | 400 | no position 50",
                "/api/encode      | {\"sae\": \"tiny-s0\", \"text\": \"a\", \"dense\": \"yes\"} | 400 | Boolean",
            })
    void what_is_wrong_is_said_before_the_stream_begins(String path, String body, int status, String word)
            throws Exception {
        HttpResponse<String> r = http.post(path, body);
        assertThat(r.statusCode()).as(r.body()).isEqualTo(status);
        assertThat(json(r).path("detail").asString()).contains(word);
    }
}
