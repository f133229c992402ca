package dev.loupe.patch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

class TracerGraphTest {
    @TempDir
    Path folder;

    private static Circuit circuit() {
        return new Circuit(
                "1.0",
                "c",
                "2026-01-01T00:00:00Z",
                "how",
                new CircuitRequest(PatchRequest.of("a", "b", " c", " d"), List.of("s", "t"), List.of(), 3, 0, true, 2),
                "abc",
                List.of("a", "b"),
                1,
                1,
                5,
                List.of(
                        new Circuit.Node("s/17", "s", "blocks.0.hook_mlp_out", 0, 17, 2, 1, new double[] {0, 2}),
                        new Circuit.Node("t/3", "t", "blocks.5.hook_mlp_out", 5, 3, -1, 0, new double[] {-1, 0}),
                        new Circuit.Node(
                                "t/error", "t", "blocks.5.hook_mlp_out", 5, null, 0.5, 1, new double[] {0, 0.5})),
                List.of(new Circuit.Edge("s/17", "t/3", 0.25), new Circuit.Edge("s/17", "t/error", -0.125)),
                1,
                0,
                Map.of("relp", List.of(new Circuit.Point(3, 0.5, 1, 0))),
                "logits",
                0.1);
    }

    @Test
    void whatIsWrittenIsReadAgainWithUniqueIdsAndExplicitIndices() {
        JsonNode json = TracerGraph.of(circuit());
        assertThat(json.path("nodes").findValuesAsString("node_id")).doesNotHaveDuplicates();
        assertThat(json.path("nodes").get(1).path("layer").asString()).isEqualTo("5");
        assertThat(json.path("nodes").get(1).path("index").asInt()).isEqualTo(3);
        assertThat(json.path("nodes").get(2).path("influence").asDouble()).isEqualTo(1);
        Path file = folder.resolve("g.json");
        Json.write(file, json);
        Circuit back = TracerGraph.read(file);
        assertThat(back.nodes().stream().map(Circuit.Node::latent)).containsExactly(17, 3, null);
        assertThat(back.nodes().stream().map(Circuit.Node::layer)).containsExactly(0, 5, 5);
        assertThat(back.nodes().stream().map(Circuit.Node::effect)).containsExactly(2.0, -1.0, 0.5);
        assertThat(back.edges().stream().map(Circuit.Edge::weight)).containsExactly(0.25, -0.125);
        assertThat(back.tokens()).containsExactly("a", "b");
    }

    @Test
    void featuresOfCircuitTracerAreCantorPairsOfLayerAndIndex() throws Exception {
        for (long layer : new long[] {0, 1, 25}) {
            for (long index : new long[] {0, 5, 16383, 131071}) {
                assertThat(TracerGraph.second(TracerGraph.pair(layer, index))).isEqualTo((int) index);
            }
        }
        Path file = folder.resolve("theirs.json");
        Files.writeString(file, """
                {"metadata": {"slug": "x", "scan": "gemma-2-2b", "prompt": "Hi", "prompt_tokens": ["Hi", "!"]},
                 "nodes": [
                  {"node_id": "E_10_0", "feature": 10, "layer": "E", "ctx_idx": 0, "feature_type": "embedding"},
                  {"node_id": "3_77_1", "feature": %d, "layer": "3", "ctx_idx": 1,
                   "feature_type": "cross layer transcoder"}],
                 "links": [{"source": "E_10_0", "target": "3_77_1", "weight": 0.5}]}
                """.formatted(TracerGraph.pair(3, 77)));
        Circuit c = TracerGraph.read(file);
        assertThat(c.nodes().get(1).latent()).isEqualTo(77);
        assertThat(c.nodes().get(0).layer()).isEqualTo(-1);
        assertThat(c.request().patch().model()).isEqualTo("gemma-2-2b");
    }

    @Test
    void graphsThatCannotBeToldApartAreRefused() throws Exception {
        refused("{}", "no attribution graph");
        refused(
                "{\"metadata\": {}, \"nodes\": [{\"node_id\": \"0_5_3\"}, {\"node_id\": \"0_5_3\"}], \"links\": []}",
                "0_5_3");
        refused("{\"metadata\": {}, \"nodes\": [], \"links\": [{\"source\": \"a\", \"target\": \"b\"}]}", "no node");
    }

    private void refused(String text, String words) throws Exception {
        Path file = folder.resolve("bad.json");
        Files.writeString(file, text);
        assertThatThrownBy(() -> TracerGraph.read(file))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining(words);
    }

    @Test
    void circuitsAreKeptWholeUnderTheirName() {
        CircuitFiles.save(folder, circuit(), "mine");
        assertThat(CircuitFiles.list(folder)).containsExactly("mine");
        Circuit back = CircuitFiles.open(folder, "mine");
        assertThat(back.id()).isEqualTo("mine");
        assertThat(back.edges()).isEqualTo(circuit().edges());
        assertThat(back.nodes().get(2).latent()).isNull();
        assertThatThrownBy(() -> CircuitFiles.save(folder, circuit(), "mine")).hasMessageContaining("already");
        assertThatThrownBy(() -> CircuitFiles.open(folder, "other")).hasMessageContaining("no circuit other");
    }
}
