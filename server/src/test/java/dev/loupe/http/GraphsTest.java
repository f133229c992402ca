package dev.loupe.http;

import static dev.loupe.http.Http.json;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.cli.Cli;
import dev.loupe.math.Matrix;
import dev.loupe.sae.Architecture;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SaeConfig;
import dev.loupe.sae.SaeProvenance;
import dev.loupe.sae.SaeWeights;
import dev.loupe.sae.TranscoderSet;
import dev.loupe.service.Models;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Random;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** Attribution graphs over HTTP and on the command line: the embedded model with random transcoders. */
class GraphsTest {
    private static final String PROMPT = "Mr President, and";

    @TempDir
    static Path folder;

    private static Http http;
    private static Cli cli;
    private static JsonNode english;

    @BeforeAll
    static void start() throws Exception {
        Random random = new Random(3);
        Files.createDirectories(folder.resolve("saes"));
        for (int l = 0; l < 6; l++) {
            SaeConfig config = new SaeConfig(
                    Architecture.RELU,
                    0,
                    false,
                    Models.BUILTIN,
                    "blocks." + l + ".hook_mlp_in",
                    "blocks." + l + ".hook_mlp_out",
                    Map.of());
            float[] shut = new float[48];
            java.util.Arrays.fill(shut, -0.5f);
            SaeWeights w = new SaeWeights(
                    matrix(random, 48, 192, 0.1f), matrix(random, 48, 192, 0.05f), shut, new float[192], new float[0]);
            new Sae(TranscoderSet.nameOf("toy", l), config, w, SaeProvenance.unknown())
                    .save(folder.resolve("saes").resolve(TranscoderSet.nameOf("toy", l)));
        }
        http = new Http(folder, null);
        cli = new Cli(folder);
        HttpResponse<String> made = http.post("/api/graphs?name=english", request(PROMPT, " the", " la"));
        assertThat(made.statusCode()).as(made.body()).isEqualTo(200);
        english = json(made);
    }

    @AfterAll
    static void stop() {
        http.close();
    }

    @Test
    void aGraphIsTheSameBitsWhenItIsComputedAgainAndComesAsTables() throws Exception {
        JsonNode again = json(http.post("/api/graphs/english/rerun", ""));
        assertThat(again.path("same").asBoolean()).as(again.toString()).isTrue();
        dev.loupe.graph.AttributionGraph graph = http.bench().graphs().get("english");
        for (String table : java.util.List.of("nodes", "edges")) {
            HttpResponse<String> r = http.get("/api/graphs/english/" + table);
            assertThat(r.headers().firstValue("content-type")).hasValue("application/vnd.apache.arrow.file");
            assertThat(r.body()).startsWith("ARROW1");
        }
        assertThat((double[]) dev.loupe.service.GraphTables.edges(graph).get("weight"))
                .hasSize(graph.edges().size())
                .startsWith(graph.edges().get(0).weight());
        for (String file : java.util.List.of("nodes.arrow", "edges.arrow", "graph.json")) {
            assertThat(folder.resolve("graphs/english").resolve(file)).isNotEmptyFile();
        }
        assertThat(cli.run("circuit", "graph", "--rerun", "english").out()).contains("same to the last bit");
        String first = graph.nodes().stream()
                .filter(n -> n.kind() == dev.loupe.graph.NodeKind.FEATURE)
                .findFirst()
                .orElseThrow()
                .id();
        assertThat(cli.run("circuit", "graph", "--open", "english", "--part", first)
                        .out())
                .contains("1 nodes");
        assertThat(cli.run("circuit", "graph", "--part", first).err()).contains("--open");
        assertThat(http.post("/api/graphs/nobody/rerun", "").statusCode()).isEqualTo(404);
    }

    private static Matrix matrix(Random random, int rows, int cols, float scale) {
        float[][] m = new float[rows][cols];
        for (float[] row : m) {
            for (int i = 0; i < cols; i++) {
                row[i] = scale * (float) random.nextGaussian();
            }
        }
        return Matrix.copyOf(m);
    }

    private static String request(String prompt, String answer, String wrong) {
        return "{\"transcoders\": \"toy\", \"prompt\": \"" + prompt + "\", \"answer\": \"" + answer
                + "\", \"wrong\": \"" + wrong + "\", \"ablate\": 5}";
    }

    private static String node(String kind) {
        return StreamSupport.stream(english.path("nodes").spliterator(), false)
                .filter(n -> n.path("kind").asString().equals(kind))
                .map(n -> n.path("id").asString())
                .findFirst()
                .orElseThrow();
    }

    @Test
    void a_graph_says_how_it_was_made_what_it_explains_and_what_was_measured() throws Exception {
        assertThat(english.path("method").asString()).contains("frozen attention patterns");
        assertThat(english.path("scores").path("replacement").asDouble()).isBetween(0.0, 1.0);
        assertThat(english.path("scores").path("completeness").asDouble()).isBetween(0.0, 1.0);
        assertThat(english.path("check").path("ablations")).hasSize(5);
        assertThat(english.path("check").path("agreement").path("pearson").isNumber())
                .isTrue();
        assertThat(english.path("edges").size()).isPositive();
        JsonNode saved = json(http.get("/api/graphs/english"));
        assertThat(saved.path("id").asString()).isEqualTo("english");
        assertThat(saved.path("edges")).isEqualTo(english.path("edges"));
        JsonNode list = json(http.get("/api/graphs"));
        assertThat(list.path("transcoders").path(0).asString()).isEqualTo("toy");
        assertThat(list.path("graphs").path(0).path("explained").asString())
                .contains(" the")
                .contains(" la");
        HttpResponse<String> taken = http.post("/api/graphs?name=english", request(PROMPT, " the", " la"));
        assertThat(json(taken).path("detail").asString()).contains("already");
    }

    @Test
    void a_node_that_is_taken_away_changes_the_answer_as_was_measured() throws Exception {
        JsonNode first = english.path("check").path("ablations").path(0);
        String body = "{\"changes\": [{\"node\": \"" + first.path("node").asString() + "\", \"factor\": 0}]}";
        JsonNode r = json(http.post("/api/graphs/english/interventions", body));
        assertThat(r.path("after").asDouble() - r.path("before").asDouble())
                .isCloseTo(first.path("measured").asDouble(), within(1e-4));
        assertThat(r.path("tokens").size()).isGreaterThanOrEqualTo(10);
        HttpResponse<String> none =
                http.post("/api/graphs/english/interventions", "{\"changes\": [{\"node\": \"9_9_9\", \"factor\": 0}]}");
        assertThat(none.statusCode()).isEqualTo(400);
        assertThat(json(none).path("detail").asString()).contains("9_9_9");
        assertThat(json(http.post("/api/graphs/english/interventions", "{}"))
                        .path("detail")
                        .asString())
                .contains("nothing to change");
    }

    @Test
    void what_is_pinned_and_named_stays_with_the_graph_and_its_export() throws Exception {
        String feature = node("feature");
        String view = "{\"pinned\": [\"" + feature + "\"], \"groups\": [{\"name\": \"g\", \"nodes\": [\"" + feature
                + "\"]}], \"labels\": {\"" + feature + "\": \"mine <b>\"}}";
        assertThat(http.send("PUT", "/api/graphs/english/view", view).statusCode())
                .isEqualTo(200);
        assertThat(json(http.get("/api/graphs/english/view"))
                        .path("pinned")
                        .path(0)
                        .asString())
                .isEqualTo(feature);
        JsonNode tracer = json(http.get("/api/graphs/english/tracer"));
        assertThat(tracer.path("qParams").path("pinnedIds").path(0).asString()).isEqualTo(feature);
        assertThat(tracer.path("qParams").path("supernodes").path(0).path(1).asString())
                .isEqualTo(feature);
        assertThat(tracer.path("metadata").path("schema_version").asInt()).isEqualTo(1);
        assertThat(tracer.path("links")).hasSize(english.path("edges").size());
        assertThat(http.get("/api/graphs/english/svg").body())
                .startsWith("<svg")
                .contains("mine &lt;b&gt;");
        assertThat(http.get("/api/graphs/english/dot").body()).startsWith("digraph");
        // and back again
        JsonNode back = json(http.post("/api/graphs/back/import", tracer.toString()));
        assertThat(back.path("nodes")).hasSize(english.path("nodes").size());
        assertThat(back.path("edges")).hasSize(english.path("edges").size());
        assertThat(back.path("layers").asInt()).isEqualTo(6);
        assertThat(json(http.get("/api/graphs/back/view")).path("groups")).hasSize(1);
        JsonNode same = json(http.get("/api/graphs/english/compare/back"));
        assertThat(same.path("node_overlap").asDouble()).isEqualTo(1);
        assertThat(same.path("only_a")).isEmpty();
        assertThat(same.path("edges").path(0).path("a").asDouble())
                .isCloseTo(same.path("edges").path(0).path("b").asDouble(), within(1e-6));
        HttpResponse<String> twice = http.post("/api/graphs/twice/import", "{\"nodes\": 3}");
        assertThat(twice.statusCode()).isEqualTo(400);
        assertThat(json(twice).path("detail").asString()).contains("lacks metadata");
    }

    @Test
    void a_part_of_a_graph_has_scores_of_its_own() throws Exception {
        JsonNode none = json(http.post("/api/graphs/english/scores", "{\"nodes\": []}"));
        StringBuilder all = new StringBuilder();
        for (JsonNode n : english.path("nodes")) {
            all.append(all.isEmpty() ? "" : ", ")
                    .append('"')
                    .append(n.path("id").asString())
                    .append('"');
        }
        JsonNode whole = json(http.post("/api/graphs/english/scores", "{\"nodes\": [" + all + "]}"));
        assertThat(none.path("replacement").asDouble())
                .isLessThanOrEqualTo(whole.path("replacement").asDouble());
    }

    @Test
    void what_nobody_waits_for_is_not_worked_out() throws Exception {
        String change = "{\"changes\": [{\"node\": \"" + node("feature") + "\", \"factor\": 0}]}";
        assertThat(http.leaving("/api/graphs/english/scores", "{\"nodes\": []}"))
                .isEqualTo(409);
        assertThat(http.leaving("/api/graphs/english/interventions", change)).isEqualTo(409);
    }

    @Test
    void the_command_line_does_the_same() throws Exception {
        Path file = folder.resolve("french.json");
        Cli.Result made = cli.run(
                "--json",
                "circuit",
                "graph",
                "Mr President, et",
                "--answer",
                " la",
                "--wrong",
                " the",
                "--ablate",
                "3",
                "--save",
                "french",
                "--export",
                file.toString());
        assertThat(made.code()).as(made.err()).isZero();
        assertThat(made.json().path("check").path("ablations")).hasSize(3);
        assertThat(file).isRegularFile();
        Cli.Result shown = cli.run("circuit", "graph", "--open", "french");
        assertThat(shown.out())
                .contains("replacement score")
                .contains("predicted")
                .contains("Pearson");
        Cli.Result compared = cli.run("circuit", "graph", "--open", "english", "--compare", "french");
        assertThat(compared.out()).contains("overlap of nodes");
        Cli.Result imported = cli.run("--json", "circuit", "graph", "--import", file.toString(), "--save", "again");
        assertThat(imported.json().path("nodes")).hasSameSizeAs(made.json().path("nodes"));
        String feature =
                made.json().path("check").path("ablations").path(0).path("node").asString();
        Cli.Result changed = cli.run("circuit", "graph", "--open", "french", "--change", feature + "=0");
        assertThat(changed.code()).as(changed.err()).isZero();
        assertThat(changed.out()).contains("predicted");
        assertThat(cli.run("circuit", "graph", "--list").out()).contains("french");
        assertThat(cli.run("circuit", "graph", "x", "--transcoders", "none").err())
                .contains("There is no transcoder set");
        assertThat(cli.run("circuit", "graph", "x", "--answer", " unimaginable words")
                        .err())
                .contains("tokens of this model");
        assertThat(cli.run("circuit", "graph").err()).contains("prompt is empty");
        Cli.Result again = cli.run("circuit", "graph", "--open", "again", "--change", feature + "=0");
        assertThat(again.code()).isNotZero();
        assertThat(again.err()).contains("other weights");
    }
}
