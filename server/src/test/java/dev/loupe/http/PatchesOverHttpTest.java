package dev.loupe.http;

import static dev.loupe.http.Http.json;
import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.cli.SmallWorkspace;
import dev.loupe.patch.PatchResult;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowFileReader;
import org.apache.arrow.vector.util.ByteArrayReadableSeekableByteChannel;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/** Patching and circuits over HTTP: results as JSON and Arrow, checked, and the same when asked again. */
class PatchesOverHttpTest {
    private static final String PAIR = """
            {"clean": "I would like to thank the rapporteur. I", "corrupt": "We would like to thank the rapporteur. We",
             "answer": " am", "wrong": " are", "sites": ["resid_pre", "z", "sae:tiny-s0"]}""";
    private static final String CIRCUIT = """
            {"patch": {"task": "person", "task_pairs": 4}, "saes": ["tiny-s0"], "compare": ["atp"], "nodes": 12, "points": 3}""";

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
    void aSavedResultIsTheSameBitsWhenItsManifestRunsAgain() throws Exception {
        JsonNode saved = json(http.post("/api/patches?name=again", PAIR));
        assertThat(saved.path("id").asString()).isEqualTo("again");
        JsonNode again = json(http.post("/api/patches/again/rerun", ""));
        assertThat(again.path("same").asBoolean()).as(again.toString()).isTrue();
        assertThat(again.path("same_model").asBoolean()).isTrue();
        // not only the server says so: the request of the file, sent once more, gives the same numbers
        Path manifest = SmallWorkspace.folder().resolve("patches/again/patch.json");
        JsonNode request = dev.loupe.base.Json.tree(manifest).path("request");
        JsonNode second = json(http.post("/api/patches", request.toString()));
        assertThat(second.path("grids")).isEqualTo(saved.path("grids"));
        assertThat(second.path("nodes")).isEqualTo(saved.path("nodes"));
        assertThat(second.path("clean_metric")).isEqualTo(saved.path("clean_metric"));
        // and a result whose numbers were changed is told apart
        Path folder = SmallWorkspace.folder().resolve("patches/forged");
        Files.createDirectories(folder);
        String text = Files.readString(manifest);
        String number = dev.loupe.base.Json.tree(manifest).path("clean_metric").toString();
        Files.writeString(
                folder.resolve("patch.json"), text.replace("\"clean_metric\" : " + number, "\"clean_metric\" : 1.5"));
        JsonNode forged = json(http.post("/api/patches/forged/rerun", ""));
        assertThat(forged.path("same").asBoolean()).isFalse();
        assertThat(forged.path("different").toString()).isEqualTo("[\"clean_metric\"]");
    }

    @Test
    void cellsAndNodesComeAsArrowAndLieBesideTheManifest() throws Exception {
        json(http.post("/api/patches?name=tables", PAIR));
        PatchResult result = http.bench().patch().get("tables");
        byte[] sent = bytes("/api/patches/tables/cells");
        assertThat(sent).isEqualTo(Files.readAllBytes(SmallWorkspace.folder().resolve("patches/tables/cells.arrow")));
        List<String> sites = new ArrayList<>();
        try (RootAllocator allocator = new RootAllocator();
                ArrowFileReader reader =
                        new ArrowFileReader(new ByteArrayReadableSeekableByteChannel(sent), allocator)) {
            assertThat(reader.loadNextBatch()).isTrue();
            VectorSchemaRoot root = reader.getVectorSchemaRoot();
            assertThat(root.getRowCount())
                    .isEqualTo(result.grids().values().stream()
                            .flatMap(Arrays::stream)
                            .mapToInt(r -> r.length)
                            .sum());
            for (int i = 0; i < root.getRowCount(); i++) {
                String site =
                        ((VarCharVector) root.getVector("site")).getObject(i).toString();
                sites.add(site);
                int layer = ((IntVector) root.getVector("layer")).get(i);
                int column = ((IntVector) root.getVector("column")).get(i);
                double[][] grid = result.grids().get(site);
                int row = grid.length == 1 ? 0 : layer;
                assertThat(((Float8Vector) root.getVector("estimate")).get(i)).isEqualTo(grid[row][column]);
                assertThat(root.getVector("exact").isNull(i)).isTrue();
                assertThat(root.getVector("token").isNull(i)).isEqualTo(site.equals("z"));
            }
        }
        assertThat(sites).contains("resid_pre", "z", "sae:tiny-s0");
        assertThat(bytes("/api/patches/tables/nodes")).startsWith("ARROW1".getBytes());
    }

    @Test
    void aSavedResultIsVerifiedAfterwards() throws Exception {
        json(http.post("/api/patches?name=plain", PAIR.replace(", \"sae:tiny-s0\"", "")));
        JsonNode checked = json(http.post("/api/patches/plain/verify?cells=-1&name=checked&job=false", ""));
        assertThat(checked.path("id").asString()).isEqualTo("checked");
        assertThat(checked.path("agreement").path("all").path("pearson").asDouble())
                .isBetween(0.3, 1.0);
        assertThat(checked.path("grids"))
                .isEqualTo(json(http.get("/api/patches/plain")).path("grids"));
        HttpResponse<String> none = http.post("/api/patches/plain/verify?cells=0", "");
        assertThat(none.statusCode()).as(none.body()).isEqualTo(400);
        HttpResponse<String> taken = http.post("/api/patches?name=plain", PAIR);
        assertThat(taken.statusCode()).isBetween(400, 499);
        assertThat(json(taken).path("detail").asString()).contains("already a patching result plain");
    }

    @Test
    void aPairIsAlignedWhileItIsWritten() throws Exception {
        JsonNode t = json(http.post("/api/patches/tokens", """
                {"clean": "I thank the rapporteur. I", "corrupt": "I thank the very good rapporteur. I", "answer": " am"}"""));
        assertThat(t.path("clean_count").asInt())
                .isLessThan(t.path("corrupt_count").asInt());
        assertThat(t.path("clean").size()).isEqualTo(t.path("corrupt").size());
        int gaps = 0;
        for (int i = 0; i < t.path("clean").size(); i++) {
            gaps += t.path("clean").get(i).isNull() ? 1 : 0;
            if (!t.path("clean").get(i).isNull()) {
                assertThat(t.path("clean").get(i)).isEqualTo(t.path("corrupt").get(i));
            }
        }
        assertThat(gaps)
                .isEqualTo(
                        t.path("corrupt_count").asInt() - t.path("clean_count").asInt());
        assertThat(t.path("problems").get(0).asString()).contains("very good", "nothing");
        JsonNode same = json(http.post("/api/patches/tokens", """
                {"clean": "a", "corrupt": "a", "answer": "Parliamentarians of the world"}"""));
        assertThat(same.path("problems").toString()).contains("the same", "where one is needed");
    }

    @Test
    void aCircuitIsFoundAgainToTheLastBitAndComesAsTables() throws Exception {
        JsonNode found = json(http.post("/api/circuits?name=mine", CIRCUIT));
        assertThat(found.path("nodes")).hasSize(12);
        JsonNode again = json(http.post("/api/circuits/mine/rerun", ""));
        assertThat(again.path("same").asBoolean()).as(again.toString()).isTrue();
        byte[] nodes = bytes("/api/circuits/mine/nodes");
        assertThat(nodes).isEqualTo(Files.readAllBytes(SmallWorkspace.folder().resolve("circuits/mine/nodes.arrow")));
        try (RootAllocator allocator = new RootAllocator();
                ArrowFileReader reader =
                        new ArrowFileReader(new ByteArrayReadableSeekableByteChannel(nodes), allocator)) {
            assertThat(reader.loadNextBatch()).isTrue();
            Float8Vector effect = (Float8Vector) reader.getVectorSchemaRoot().getVector("effect");
            assertThat(effect.getValueCount()).isEqualTo(12);
            assertThat(effect.get(0))
                    .isEqualTo(found.path("nodes").get(0).path("effect").asDouble());
        }
        assertThat(http.get("/api/circuits/mine/svg").body()).startsWith("<svg");
        assertThat(http.get("/api/circuits/mine/dot").body()).startsWith("digraph");
        assertThat(http.get("/api/circuits/mine/edges").statusCode()).isEqualTo(200);
    }

    @Test
    void aPartOfACircuitIsMeasuredLikeItsCurves() throws Exception {
        JsonNode found = json(http.post("/api/circuits?name=parts", CIRCUIT));
        List<String> all = new ArrayList<>();
        found.path("nodes").forEach(n -> all.add(n.path("id").asString()));
        JsonNode none = part("[]");
        assertThat(none.path("faithfulness").asDouble()).isEqualTo(0);
        assertThat(none.path("completeness").asDouble()).isEqualTo(1);
        JsonNode one = part("[\"" + all.get(0) + "\"]");
        JsonNode first = found.path("curves").path("relp").get(0);
        assertThat(first.path("nodes").asInt()).isEqualTo(1);
        assertThat(one.path("faithfulness")).isEqualTo(first.path("faithfulness"));
        assertThat(one.path("completeness")).isEqualTo(first.path("completeness"));
        HttpResponse<String> unknown = http.post("/api/circuits/parts/part", "{\"nodes\": [\"tiny-s0/nobody\"]}");
        assertThat(unknown.statusCode()).isEqualTo(400);
        assertThat(json(http.get("/api/circuits/parts/compare/parts"))
                        .path("node_overlap")
                        .asDouble())
                .isEqualTo(1);
    }

    private static JsonNode part(String ids) throws Exception {
        return json(http.post("/api/circuits/parts/part", "{\"nodes\": " + ids + "}"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "/api/patches?job=maybe          | {\"clean\": \"a\", \"corrupt\": \"b\", \"answer\": \"c\", \"wrong\": \"d\", \"method\": \"ap\"} | 400 | true or false",
                "/api/patches?name=..            | {\"clean\": \"a\", \"corrupt\": \"b\", \"answer\": \"c\", \"wrong\": \"d\"} | 400 | name",
                "/api/patches/nobody/rerun       | {} | 404 | no patching result nobody",
                "/api/patches/nobody/verify      | {} | 404 | no patching result nobody",
                "/api/circuits/nobody/rerun      | {} | 404 | no circuit nobody",
                "/api/circuits?job=true          | {\"patch\": {\"task\": \"person\"}} | 400 | needs SAEs",
                "/api/jobs                       | {\"kind\": \"patch\", \"request\": {\"clean\": \"a\"}} | 400 | corrupt",
            })
    void whatIsWrongIsSaidBeforeTheWork(String path, String body, int status, String word) throws Exception {
        HttpResponse<String> r = http.post(path, body);
        assertThat(r.statusCode()).as(r.body()).isEqualTo(status);
        assertThat(json(r).path("detail").asString()).contains(word);
    }

    @Test
    void theDocumentNamesTheRoutesAndTheirParameters() throws Exception {
        JsonNode paths = json(http.get("/api/openapi.json")).path("paths");
        assertThat(paths.path("/patches").path("post").path("parameters").toString())
                .contains("\"job\"", "\"name\"");
        assertThat(paths.path("/patches/{id}/cells")
                        .path("get")
                        .path("responses")
                        .path("200")
                        .toString())
                .contains("application/vnd.apache.arrow.file");
        assertThat(paths.has("/circuits/{id}/rerun")).isTrue();
    }

    private static byte[] bytes(String path) throws IOException, InterruptedException {
        HttpResponse<byte[]> r = HttpClient.newHttpClient()
                .send(
                        HttpRequest.newBuilder(URI.create(
                                        "http://127.0.0.1:" + http.server().port() + path))
                                .build(),
                        HttpResponse.BodyHandlers.ofByteArray());
        assertThat(r.statusCode()).isEqualTo(200);
        assertThat(r.headers().firstValue("content-type")).hasValue("application/vnd.apache.arrow.file");
        return r.body();
    }
}
