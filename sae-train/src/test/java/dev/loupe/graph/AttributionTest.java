package dev.loupe.graph;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.model.Forward;
import dev.loupe.model.HookPoint;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenBatch;
import dev.loupe.model.Want;
import dev.loupe.sae.Sae;
import dev.loupe.sae.TranscoderSet;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What must hold of every graph, without anybody else's numbers. */
class AttributionTest {
    private static final int[] IDS = {0, 7, 21, 3, 33, 12};

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

    private static GraphRequest request(String set) {
        return GraphRequest.of(null, set, "x");
    }

    private static FullGraph full(String set, int first) {
        LocalModel local = new LocalModel(model, Tiny.set(set), IDS, first);
        return FullGraph.of(
                local, Explained.of(model, request(set), local.lastLogits()), request(set), Progress.silent());
    }

    @ParameterizedTest
    @ValueSource(strings = {"set", "skip", "clt"})
    void features_biases_and_error_are_the_output_of_the_mlp(String name) {
        TranscoderSet set = Tiny.set(name);
        LocalModel local = new LocalModel(model, set, IDS, 0);
        List<HookPoint> hooks = List.of(HookPoint.mlpOut(2), set.hookIn(2));
        Forward f = model.forward(new TokenBatch(new int[][] {IDS}), Taps.read(hooks), Want.LAST_LOGITS);
        for (int p = 0; p < IDS.length; p++) {
            float[] sum = set.bDec(2);
            set.addSkip(2, f.activation(set.hookIn(2)).row(0, p), sum);
            for (int i = 0; i < local.features(); i++) {
                if (local.position(i) == p && set.writes(local.layer(i), 2)) {
                    set.addLatent(local.layer(i), local.latent(i), 2, local.activation(i), sum);
                }
            }
            float[] error = local.error(2, p);
            float[] out = f.activation(HookPoint.mlpOut(2)).row(0, p);
            for (int i = 0; i < out.length; i++) {
                assertThat(sum[i] + error[i]).isCloseTo(out[i], within(1e-5f));
            }
        }
    }

    /** The model has no biases, so b_dec is the only constant: its direct effect is that of an error with its value. */
    @ParameterizedTest
    @ValueSource(strings = {"set", "skip", "clt"})
    void incoming_edges_and_constants_sum_to_what_a_target_is(String name) {
        FullGraph full = full(name, 0);
        LocalModel local = full.local();
        Adjacency a = full.edges();
        double largest = 0;
        for (int r = 0; r < a.features(); r++) {
            largest = Math.max(largest, local.activation(r));
        }
        try (EdgeRows rows = new EdgeRows(local)) {
            int checked = 0;
            for (int r = 0; r < a.features(); r += 7) {
                Sae sae = local.set.layer(local.layer(r));
                double constant = constants(rows, full, r) + sae.bEnc()[local.latent(r)];
                assertThat(a.sum(r) + constant).isCloseTo(local.activation(r), within(2e-5 * largest));
                checked++;
            }
            assertThat(checked).isGreaterThan(10);
            for (int k = 0; k < a.logits(); k++) {
                double value = full.explained().get(k).value(local.lastLogits(), 0);
                assertThat(a.sum(a.features() + k) + constants(rows, full, a.features() + k))
                        .isCloseTo(value, within(2e-5 * Math.abs(value) + 2e-5));
            }
        }
    }

    /** Effects of b_dec: from the same passes, with errors replaced by b_dec. */
    private static double constants(EdgeRows rows, FullGraph full, int r) {
        LocalModel local = full.local();
        double sum = 0;
        var one = dev.loupe.math.Matrix.allocate(java.lang.foreign.Arena.ofAuto(), 1, local.columns());
        for (int l = 0; l < local.layers(); l++) {
            for (int p = 0; p < local.positions(); p++) {
                System.arraycopy(local.set.bDec(l), 0, local.error(l, p), 0, local.set.dOut()); // scribbles on the copy
            }
        }
        if (r < full.edges().features()) {
            rows.intoFeatures(new int[] {r}, one, new int[] {0});
        } else {
            float[] seed = full.explained().get(r - full.edges().features()).seed(local.lastLogits().length);
            rows.intoLogits(List.of(seed), one, new int[] {0});
        }
        for (int l = 0; l < local.layers(); l++) {
            for (int p = 0; p < local.positions(); p++) {
                sum += one.get(0, local.errorColumn(l, p));
            }
        }
        return sum;
    }

    /**
     * A feature of the last layer at the last token acts on logits through the last norm alone. Without it every logit is what
     * the frozen graph predicts, times the old scale of that norm over the new one: one ratio for all logits.
     */
    @Test
    void without_a_node_that_acts_directly_logits_are_as_predicted_times_one_ratio() {
        FullGraph full = full("set", 0);
        LocalModel local = full.local();
        Adjacency a = full.edges();
        assertThat(a.logits()).isGreaterThan(2);
        int last = local.positions() - 1;
        int layer = local.layers() - 1;
        int checked = 0;
        for (int f = local.start(layer); f < local.start(layer + 1); f++) {
            if (local.position(f) != last) {
                assertThat(a.total(0, full.activations())[f]).isZero(); // nothing reads it any more
                continue;
            }
            Ablations.Change gone =
                    new Ablations.Change(NodeKind.FEATURE, layer, last, local.latent(f), 0, local.activation(f));
            float[] logits = Ablations.logits(local, List.of(List.of(gone)), Progress.silent())
                    .get(0);
            double first = 0;
            for (int k = 0; k < a.logits(); k++) {
                Explained e = full.explained().get(k);
                double frozen = e.value(local.lastLogits(), 0) - a.total(k, full.activations())[f];
                double ratio = e.value(logits, 0) / frozen;
                first = k == 0 ? ratio : first;
                if (Math.abs(frozen) > 0.1) {
                    assertThat(ratio).isCloseTo(first, within(1e-4));
                    checked++;
                }
            }
        }
        assertThat(checked).isGreaterThan(5);
    }

    @Test
    void a_whole_run_states_its_method_and_measures_what_it_predicts() {
        String prompt = prompt();
        AttributionGraph g = Attribution.run(model, GraphRequest.of(null, "set", prompt), Tiny::set, Progress.silent());
        assertThat(g.method()).contains("frozen attention patterns").contains("error");
        assertThat(g.scores()).isNotNull();
        assertThat(g.keptScores()).isNotNull();
        assertThat(g.tokens()).hasSize(g.tokenIds().size());
        assertThat(g.byId()).hasSize(g.nodes().size());
        assertThat(g.edges()).isNotEmpty().allSatisfy(e -> assertThat(g.byId()).containsKeys(e.source(), e.target()));
        AblationCheck check = g.check();
        assertThat(check).isNotNull();
        assertThat(check.ablations()).hasSize(20);
        assertThat(check.agreement()).isNotNull();
        // the node of most influence, changed by hand
        String node = check.ablations().get(0).node();
        InterventionResult changed =
                Interventions.run(model, g, List.of(new Intervention(node, 0)), Tiny::set, Progress.silent());
        assertThat(changed.after() - changed.before())
                .isCloseTo(check.ablations().get(0).measured(), within(1e-5));
        assertThat(Interventions.run(model, g, List.of(new Intervention(node, 1)), Tiny::set, Progress.silent())
                        .after())
                .isCloseTo(changed.before(), within(1e-6));
    }

    /** A text all of whose tokens the tiny model knows. */
    private static String prompt() {
        return model.tokenizer().decode(new int[] {34, 35, 36, 34, 37}, false);
    }

    @Test
    void what_is_kept_of_all_nodes_scores_like_the_whole() {
        AttributionGraph g = Attribution.run(
                model, GraphRequest.of(null, "set", prompt()).withThresholds(1, 1), Tiny::set, Progress.silent());
        List<String> all = g.nodes().stream().map(GraphNode::id).toList();
        GraphScores whole = Subgraph.scores(g, all, Progress.silent());
        assertThat(g.scores()).isNotNull();
        assertThat(whole.replacement()).isCloseTo(g.scores().replacement(), within(1e-3));
        assertThat(whole.completeness()).isCloseTo(g.scores().completeness(), within(1e-3));
        GraphScores none = Subgraph.scores(g, List.of(), Progress.silent());
        assertThat(none.replacement()).isLessThan(whole.replacement());
        // without features, the direct paths are left: what embeddings have of the logits' incoming weights
        assertThat(none.replacement()).isBetween(0.0, 1.0);
    }

    @Test
    void refusals_are_one_sentence() {
        assertThatThrownBy(() -> GraphRequest.of(null, "", "x").check())
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("--transcoders");
        assertThatThrownBy(() -> GraphRequest.of(null, "set", "").check()).hasMessageContaining("prompt is empty");
        assertThatThrownBy(() ->
                        GraphRequest.of(null, "set", "x").withThresholds(2, 1).check())
                .hasMessageContaining("node_threshold");
        assertThatThrownBy(() ->
                        GraphRequest.of(null, "set", "x").withAnswers(null, "b").check())
                .hasMessageContaining("wrong answer");
        GraphRequest many = GraphRequest.of(null, "set", prompt()).withAnswers("ab cd efgh ijkl", null);
        assertThatThrownBy(() -> Attribution.run(model, many, Tiny::set, Progress.silent()))
                .hasMessageContaining("tokens of this model");
        GraphRequest small =
                new GraphRequest(null, "set", prompt().repeat(4), null, null, 0, 0, 0, 0, 0, null, null, null, 1);
        TranscoderSet set = Tiny.set("set");
        TranscoderSet part = new TranscoderSet("part", List.of(set.layer(0), set.layer(1)));
        assertThatThrownBy(() -> Attribution.run(model, small, n -> part, Progress.silent()))
                .hasMessageContaining("2 layers and the model 4");
    }
}
