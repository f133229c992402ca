package dev.loupe.http;

import static dev.loupe.http.Http.json;
import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.base.Json;
import dev.loupe.cli.Cli;
import dev.loupe.cli.SmallWorkspace;
import dev.loupe.diagnose.gallery.Diagnostics;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.ipc.ArrowFileReader;
import org.apache.arrow.vector.util.ByteArrayReadableSeekableByteChannel;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** Diagnostics by command, and their results over HTTP. */
class DiagnosticsOverHttpTest {
    @TempDir
    static Path folder;

    private static Http http;

    @BeforeAll
    static void start() throws IOException {
        for (String part : new String[] {"models", "activations", "saes"}) {
            Path from = SmallWorkspace.folder().resolve(part);
            try (var files = Files.walk(from)) {
                for (Path p : files.toList()) {
                    Path to = folder.resolve(part).resolve(from.relativize(p).toString());
                    if (Files.isDirectory(p)) {
                        Files.createDirectories(to);
                    } else {
                        Files.copy(p, to);
                    }
                }
            }
        }
        http = new Http(folder, null);
    }

    @AfterAll
    static void stop() {
        http.close();
    }

    @Test
    void aCommandAsksManyQuestionsAtOnceAndTheirAnswersAreServed() throws Exception {
        String[] command = {
            "--json",
            "diagnose",
            "--sae",
            "tiny-s0",
            "--tokens",
            "1500",
            "--trial-tokens",
            "200",
            "non-zero-share",
            "dormant-neurons",
            "latent-locality"
        };
        Cli.Result r = new Cli(folder).run(command);
        assertThat(r.code()).as(r.err()).isZero();
        JsonNode report = Json.MAPPER.readTree(r.out());
        assertThat(report.path("results").size()).isEqualTo(3);
        assertThat(report.path("streams").path("rounds").asInt()).isEqualTo(1);
        JsonNode again = new Cli(folder).run(command).json();
        assertThat(again.path("streams").path("tokens").asLong()).isZero(); // the same question: the answers stand
        for (int i = 0; i < 3; i++) {
            assertThat(again.path("results").get(i).path("kept").asBoolean()).isTrue();
            assertThat(again.path("results").get(i).path("id"))
                    .isEqualTo(report.path("results").get(i).path("id"));
        }
        String id = report.path("results").get(2).path("id").asString();

        JsonNode all = json(http.get("/api/diagnostics"));
        assertThat(all.path("diagnostics").size()).isEqualTo(Diagnostics.all().size());
        assertThat(all.path("results").size()).isEqualTo(3);
        JsonNode result = json(http.get("/api/diagnostics/" + id));
        assertThat(result.path("diagnostic").asString()).isEqualTo("latent-locality");
        assertThat(result.path("answer").asString())
                .isEqualTo(report.path("results").get(2).path("answer").asString());
        assertThat(result.path("made").path("sae_checksums").get(0).asString()).hasSize(64);
        assertThat(result.path("figures").get(0).path("kind").asString()).isEqualTo("CURVE");
        HttpResponse<byte[]> arrow = HttpClient.newHttpClient()
                .send(
                        HttpRequest.newBuilder(URI.create("http://127.0.0.1:"
                                        + http.server().port() + "/api/diagnostics/" + id + "/table"))
                                .build(),
                        HttpResponse.BodyHandlers.ofByteArray());
        try (RootAllocator allocator = new RootAllocator();
                ArrowFileReader reader =
                        new ArrowFileReader(new ByteArrayReadableSeekableByteChannel(arrow.body()), allocator)) {
            assertThat(reader.loadNextBatch()).isTrue();
            assertThat(reader.getVectorSchemaRoot().getRowCount()).isEqualTo(7);
        }
    }

    @Test
    void whatCannotBeAskedIsRefusedInASentence() throws Exception {
        HttpResponse<String> unknown = http.post("/api/diagnostics", "{\"diagnostics\": [\"nothing\"]}");
        assertThat(unknown.statusCode()).isEqualTo(404);
        assertThat(json(unknown).path("detail").asString()).contains("non-zero-share");
        assertThat(http.get("/api/diagnostics/none").statusCode()).isEqualTo(404);
        assertThat(http.get("/api/diagnostics/none/table").statusCode()).isEqualTo(404);
        Cli.Result r = new Cli(folder).run("diagnose", "latent-locality", "--tokens", "100");
        assertThat(r.code()).isEqualTo(2);
        assertThat(r.err()).contains("latent-locality needs");
    }

    @Test
    void aNeuronIsServedAsAKeyAndAValue() throws Exception {
        JsonNode card = json(http.get("/api/neurons/2/7"));
        assertThat(card.path("mlp").asString()).isEqualTo("SwiGLU");
        JsonNode place = card.path("places").get(0);
        assertThat(place.path("post").asDouble())
                .isCloseTo(
                        place.path("pre").asDouble()
                                * place.path("coefficient").asDouble()
                                * place.path("linear").asDouble(),
                        org.assertj.core.api.Assertions.within(1e-3));
        assertThat(card.path("promoted").size()).isEqualTo(12);
        assertThat(http.get("/api/neurons/2/9999999").statusCode()).isEqualTo(400);
        assertThat(http.get("/api/neurons/two/7").statusCode()).isEqualTo(404);
    }

    @Test
    void theListSaysWhatEachAsksAndNeeds() {
        Cli.Result r = new Cli(folder).run("diagnose", "--list");
        assertThat(r.code()).isZero();
        assertThat(r.out()).contains("non-zero-share", "a model", "?");
    }
}
