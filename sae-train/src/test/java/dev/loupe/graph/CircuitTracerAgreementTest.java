package dev.loupe.graph;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.model.LanguageModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** Graphs against circuit-tracer's own on a tiny random model (tests/python/graph/golden.py). */
class CircuitTracerAgreementTest {
    /** Largest error of a weight as a share of the largest weight. */
    private static final double TOLERANCE = 1e-5;

    @TempDir
    static Path folder;

    private static LanguageModel model;

    @BeforeAll
    static void open() throws IOException {
        model = Tiny.model(folder);
    }

    @AfterAll
    static void close() {
        model.close();
    }

    private static FullGraph full(String set, JsonNode golden, int most) {
        LocalModel local = new LocalModel(model, Tiny.set(set), Tiny.ints(golden.get("ids")), 1);
        List<Explained> explained = new ArrayList<>();
        double[] p = Explained.probabilities(local.lastLogits());
        for (int id : Tiny.ints(golden.get("logits"))) {
            explained.add(new Explained(id, id, -1, "t" + id, p[id]));
        }
        GraphRequest r = new GraphRequest(null, set, "x", null, null, 5, 0.8, most, 0.8, 0.9, 0, null, null, 0);
        return FullGraph.of(local, explained, r, Progress.silent());
    }

    @ParameterizedTest
    @ValueSource(strings = {"set", "skip", "clt"})
    void every_edge_is_circuit_tracers(String set) throws IOException {
        JsonNode golden = Tiny.golden(set);
        FullGraph full = full(set, golden, 7500);
        LocalModel local = full.local();
        JsonNode features = golden.get("features");
        assertThat(local.features()).isEqualTo(features.size()).isGreaterThan(60);
        for (int f = 0; f < local.features(); f++) {
            assertThat(new int[] {local.layer(f), local.position(f), local.latent(f)})
                    .containsExactly(Tiny.ints(features.get(f)));
            assertThat((double) local.activation(f))
                    .isCloseTo(golden.get("activations").get(f).asDouble(), within(2e-5));
        }
        double[] p = full.explained().stream().mapToDouble(Explained::weight).toArray();
        for (int k = 0; k < p.length; k++) {
            assertThat(p[k]).isCloseTo(golden.get("probabilities").get(k).asDouble(), within(1e-5));
        }
        Adjacency a = full.edges();
        JsonNode matrix = golden.get("adjacency");
        double largest = 0;
        double worst = 0;
        int nonZero = 0;
        float[] row = new float[a.columns()];
        for (int r = 0; r < a.features() + a.logits(); r++) {
            a.copy(r, row);
            JsonNode theirs = matrix.get(r < a.features() ? r : r - a.features() + a.columns());
            for (int c = 0; c < row.length; c++) {
                double value = theirs.get(c).asDouble();
                largest = Math.max(largest, Math.abs(value));
                worst = Math.max(worst, Math.abs(value - row[c]));
                nonZero += value != 0 ? 1 : 0;
            }
        }
        assertThat(nonZero).isGreaterThan(1000);
        assertThat(worst / largest).isLessThan(TOLERANCE);
    }

    @ParameterizedTest
    @ValueSource(strings = {"set", "skip", "clt"})
    void scores_and_what_is_kept_are_circuit_tracers(String set) throws IOException {
        JsonNode golden = Tiny.golden(set);
        Adjacency a = full(set, golden, 7500).edges();
        GraphScores scores = a.scores();
        assertThat(scores.replacement()).isCloseTo(golden.get("replacement").asDouble(), within(1e-5));
        assertThat(scores.completeness()).isCloseTo(golden.get("completeness").asDouble(), within(1e-5));
        Pruning kept = Pruning.of(a, 0.8, 0.9);
        for (int c = 0; c < a.columns(); c++) {
            assertThat(kept.influence()[c])
                    .isCloseTo(golden.get("influence").get(c).asDouble(), within(1e-5));
        }
        BitSet nodes = new BitSet();
        IntStream.of(Tiny.ints(golden.get("pruned_nodes")))
                .filter(c -> c < a.columns())
                .forEach(nodes::set);
        assertThat(kept.nodes()).isEqualTo(nodes);
        assertThat(nodes.cardinality()).isBetween(20, a.columns() - 20);
        List<List<Integer>> edges = new ArrayList<>();
        for (int r = 0; r < kept.edges().length; r++) {
            int target = r < a.features() ? r : r - a.features() + a.columns();
            kept.edges()[r].stream().forEach(c -> edges.add(List.of(target, c)));
        }
        List<List<Integer>> theirs = new ArrayList<>();
        golden.get("pruned_edges")
                .forEach(e -> theirs.add(List.of(e.get(0).asInt(), e.get(1).asInt())));
        assertThat(edges).containsExactlyInAnyOrderElementsOf(theirs);
        for (int c = 0; c < a.columns(); c++) {
            if (kept.nodes().get(c) && kept.influence()[c] > 1e-4) { // near 0, ties are in either order
                assertThat(kept.cumulative()[c])
                        .isCloseTo(golden.get("cumulative").get(c).asDouble(), within(1e-4));
            }
        }
    }

    @Test
    void its_own_file_is_read_with_the_ids_of_graphs_that_are_computed_here() throws IOException {
        JsonNode golden = Tiny.golden("set");
        FullGraph full = full("set", golden, 7500);
        Pruning kept = Pruning.of(full.edges(), 0.8, 0.9);
        AttributionGraph read =
                GraphImport.read(Tiny.golden("set-file"), "the file").graph();
        assertThat(read.layers()).isEqualTo(4);
        assertThat(read.tokens()).hasSize(6);
        java.util.Map<String, GraphNode> byId = read.byId();
        LocalModel local = full.local();
        kept.nodes().stream().filter(c -> c < full.edges().features()).forEach(f -> {
            GraphNode n = byId.get(NodeIds.feature(local.layer(f), local.latent(f), local.position(f)));
            assertThat(n).isNotNull();
            assertThat(n.kind()).isEqualTo(NodeKind.FEATURE);
            assertThat(n.feature()).isEqualTo(local.latent(f));
            assertThat(n.layer()).isEqualTo(local.layer(f));
            assertThat(n.activation()).isCloseTo(local.activation(f), within(1e-4));
            assertThat(n.cumulative()).isCloseTo(kept.cumulative()[f], within(1e-4));
        });
        for (int p = 0; p < 6; p++) {
            assertThat(byId).containsKey(NodeIds.embedding(local.ids[p], p));
        }
        for (Explained e : full.explained()) {
            GraphNode n = byId.get(NodeIds.logit(4, e.plus(), 5));
            assertThat(n.token()).isEqualTo(e.plus());
            assertThat(n.probability()).isCloseTo(e.weight(), within(1e-4));
        }
        long errors = kept.nodes().stream()
                .filter(c -> c >= full.edges().features()
                        && c < full.edges().features() + full.edges().errors())
                .count();
        assertThat(read.nodes().stream().filter(n -> n.kind() == NodeKind.ERROR))
                .hasSize((int) errors)
                .allSatisfy(n -> assertThat(n.id()).isEqualTo(NodeIds.error(n.layer(), n.position())));
        assertThat(read.edges())
                .hasSize(Arrays.stream(kept.edges())
                        .mapToInt(BitSet::cardinality)
                        .sum());
        assertThat(read.nodes().stream().mapToDouble(GraphNode::influence).max().orElse(0))
                .isPositive();
    }

    @Test
    void a_file_in_which_an_error_has_the_id_of_a_feature_is_refused() throws IOException {
        JsonNode file = Tiny.golden("skip-file");
        assertThatThrownBy(() -> GraphImport.read(file, "the file"))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("two nodes \"0_0_1\"");
    }

    @ParameterizedTest
    @ValueSource(strings = {"set", "clt"})
    void with_few_features_the_same_are_chosen(String set) throws IOException {
        JsonNode golden = Tiny.golden(set);
        int[] theirs = Tiny.ints(golden.get("few"));
        int[] ours = full(set, golden, theirs.length).selected();
        assertThat(ours).hasSameSizeAs(theirs);
        // the batches of features between two looks at their influence differ in size, so the last ones may differ
        long both = Arrays.stream(ours)
                .filter(f -> Arrays.stream(theirs).anyMatch(t -> t == f))
                .count();
        assertThat(both).isGreaterThan(theirs.length * 3L / 4);
    }
}
