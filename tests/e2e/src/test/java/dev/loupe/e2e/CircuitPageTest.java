package dev.loupe.e2e;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static org.assertj.core.api.Assertions.assertThat;

import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.options.FilePayload;
import dev.loupe.base.AtomicFiles;
import dev.loupe.base.Progress;
import dev.loupe.graph.AttributionGraph;
import dev.loupe.graph.GraphScores;
import dev.loupe.graph.Intervention;
import dev.loupe.graph.InterventionResult;
import dev.loupe.math.Matrix;
import dev.loupe.patch.Circuit;
import dev.loupe.patch.CircuitPart;
import dev.loupe.sae.Architecture;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SaeConfig;
import dev.loupe.sae.SaeProvenance;
import dev.loupe.sae.SaeWeights;
import dev.loupe.sae.TranscoderSet;
import dev.loupe.service.Workbench;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The circuit page in a browser: the graph, what is pinned, what happens when a node is taken away. */
class CircuitPageTest {
    private static final Workbench BENCH = RealWorkspace.get().workbench();

    /** A transcoder of random weights for each MLP: enough for edges, scores and changes that can be compared. */
    @BeforeAll
    static void transcoders() {
        Random random = new Random(3);
        for (int l = 0; l < 6; l++) {
            SaeConfig config = new SaeConfig(
                    Architecture.RELU,
                    0,
                    false,
                    "builtin",
                    "blocks." + l + ".hook_mlp_in",
                    "blocks." + l + ".hook_mlp_out",
                    Map.of());
            float[] shut = new float[48];
            Arrays.fill(shut, -0.5f);
            SaeWeights w = new SaeWeights(
                    matrix(random, 48, 192, 0.1f), matrix(random, 48, 192, 0.05f), shut, new float[192], new float[0]);
            String name = TranscoderSet.nameOf("mlps", l);
            new Sae(name, config, w, SaeProvenance.unknown())
                    .save(BENCH.workspace().saes().resolve(name));
        }
    }

    /** Other tests count SAEs. */
    @AfterAll
    static void remove() throws IOException {
        for (int l = 0; l < 6; l++) {
            AtomicFiles.deleteTree(BENCH.workspace().saes().resolve(TranscoderSet.nameOf("mlps", l)));
        }
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

    private static Locator stage(Page page) {
        return page.locator("loupe-graph .stage");
    }

    private static String fixed(double v, int decimals) {
        String s = String.format(Locale.ROOT, "%." + decimals + "f", v);
        return s.replace('-', '−');
    }

    @Test
    void a_prompt_is_explained_walked_pinned_and_measured_by_keyboard() {
        try (Tab tab = Tab.open(1280, 1000)) {
            Page page = tab.go("/circuits");
            page.locator("#graph-prompt").fill("I would like to thank the rapporteur for his");
            page.locator("#graph-name").fill("explained");
            page.locator("#graph-name").press("Enter");
            assertThat(page).hasURL(Pattern.compile("/circuits/explained"));
            stage(page).focus();
            assertThat(page.locator("loupe-graph .count")).containsText("edges");

            page.keyboard().press("ArrowUp"); // the first step lands on the answer
            assertThat(page.locator("loupe-graph .readout")).containsText("logits");
            page.keyboard().press("ArrowDown");
            assertThat(page.locator("loupe-graph .readout")).containsText("position");
            page.keyboard().press("p");
            assertThat(page).hasURL(Pattern.compile("pinned="));
            assertThat(page.locator("loupe-graph svg .box")).hasCount(1);
            AttributionGraph graph = BENCH.graphs().get("explained");
            String id = page.evaluate("document.querySelector('loupe-graph').view.pinned[0]")
                    .toString();
            assertThat(graph.byId()).containsKey(id);
            GraphScores scores = BENCH.graphs().scores(graph, List.of(id), Progress.silent());
            assertThat(page.locator("#part")).containsText(fixed(scores.completeness(), 3));
            assertThat(page.locator("#part")).containsText(fixed(scores.replacement(), 3));

            page.locator("#change-one").click();
            InterventionResult without =
                    BENCH.graphs().intervene(graph, List.of(new Intervention(id, 0)), Progress.silent());
            assertThat(page.locator("#change")).containsText("predicted");
            assertThat(page.locator("#change")).containsText(fixed(without.before(), 3));
            assertThat(page.locator("#change")).containsText(fixed(without.after(), 3));

            page.locator("#node-name").fill("mine <b>");
            page.locator("#node-name").press("Enter");
            assertThat(page.locator("loupe-graph svg .box")).containsText("mine <b>");
            assertThat(page).hasURL(Pattern.compile("label="));
            page.reload();
            assertThat(page.locator("loupe-graph svg .box")).containsText("mine <b>");
            page.locator("#save-view").click();
            assertThat(page.locator("main.page")).containsText("are kept beside explained");
            assertThat(BENCH.graphs().view("explained").pinned()).containsExactly(id);
            assertThat(BENCH.graphs().view("explained").labels()).containsEntry(id, "mine <b>");
            assertThat(tab.wrong()).isEmpty();
        }
    }

    @Test
    void two_thousand_nodes_come_from_a_file_and_the_sliders_thin_them_out() {
        try (Tab tab = Tab.open(1280, 1000)) {
            Page page = tab.go("/circuits");
            page.locator("#import-graph input[type=file]")
                    .setInputFiles(new FilePayload(
                            "large.json",
                            "application/json",
                            MadeGraph.json(2000).getBytes(StandardCharsets.UTF_8)));
            assertThat(page).hasURL(Pattern.compile("/circuits/large"));
            assertThat(page.locator("loupe-graph .count")).containsText("2014 of 2014 nodes");
            page.locator("#influence").fill("0.3");
            assertThat(page).hasURL(Pattern.compile("influence=0.30"));
            assertThat(page.locator("loupe-graph .count")).not().containsText("2014 of 2014");
            Locator tools = page.locator("loupe-graph > .chart-tools");
            tools.locator("summary").click();
            Locator rows = tools.locator(".chart-table tbody tr");
            rows.first().waitFor();
            assertThat(rows.count()).isBetween(15, 1500);
            assertThat(page.evaluate("window.pwned === undefined")).isEqualTo(true);
            assertThat(page.locator("main img").count()).isZero();
            assertThat(tab.wrong()).isEmpty();
        }
    }

    @Test
    void nodes_clicked_while_g_is_held_become_one_group_with_a_name() {
        try (Tab tab = Tab.open(1280, 1000)) {
            Page page = tab.go("/circuits/made?kind=graph");
            assertThat(page.locator("loupe-graph .count")).containsText("nodes");
            stage(page).scrollIntoViewIfNeeded();
            stage(page).focus();
            page.keyboard().down("g");
            clickNode(page, 0);
            clickNode(page, 1);
            page.keyboard().up("g");
            assertThat(page).hasURL(Pattern.compile("group="));
            assertThat(page.locator("loupe-graph svg .box.group")).hasCount(1);
            page.locator("#group-name").fill("a pair");
            page.locator("#group-name").press("Enter");
            assertThat(page.locator("loupe-graph svg .box.group")).containsText("a pair");
            assertThat(page).hasURL(Pattern.compile("group=a%20pair|group=a\\+pair"));
            assertThat(tab.wrong()).isEmpty();
        }
    }

    /** Clicks a feature's place on the canvas; the element says where it drew it. */
    private static void clickNode(Page page, int k) {
        Object at = page.evaluate("""
                k => {
                  const g = document.querySelector('loupe-graph'), box = g.querySelector('canvas').getBoundingClientRect();
                  const ids = g.data.nodes.map((n, i) => i).filter(i => g.data.nodes[i].kind === 'feature');
                  const [x, y] = g.placeOf(g.data.nodes[ids[k]].id);
                  return [box.left + x, box.top + y];
                }""", k);
        List<?> xy = (List<?>) at;
        page.mouse().click(((Number) xy.get(0)).doubleValue(), ((Number) xy.get(1)).doubleValue());
    }

    @Test
    void a_feature_circuit_is_measured_as_the_service_measures_it_and_leads_to_its_features() {
        Circuit circuit = BENCH.circuits().get(RealWorkspace.CIRCUIT);
        Circuit.Node first = circuit.nodes().stream()
                .filter(n -> n.latent() != null)
                .findFirst()
                .orElseThrow();
        CircuitPart part = BENCH.circuits().part(RealWorkspace.CIRCUIT, Set.of(first.id()), Progress.silent());
        try (Tab tab = Tab.open(1280, 1000)) {
            Page page = tab.go("/circuits/" + RealWorkspace.CIRCUIT + "?kind=circuit&pinned=" + first.id()
                    + "&selected=" + first.id());
            assertThat(page.locator("#part")).containsText(fixed(part.faithfulness(), 3));
            assertThat(page.locator("#part")).containsText(fixed(part.completeness(), 3));
            page.locator("#change-all").click();
            assertThat(page.locator("#change")).containsText("measured change");
            page.locator("#node a:text-is('Feature page')").click();
            assertThat(page).hasURL(Pattern.compile("/features/" + RealWorkspace.SAE + "/" + first.latent()));
            assertThat(tab.wrong()).isEmpty();
        }
    }

    @Test
    void two_graphs_are_compared_in_one_drawing() {
        try (Tab tab = Tab.open(1280, 1000)) {
            Page page = tab.go("/circuits/made?kind=graph");
            page.locator("#compare").selectOption("made-b");
            assertThat(page).hasURL(Pattern.compile("with=made-b"));
            assertThat(page.locator("main.page")).containsText("Beside made-b");
            double overlap = BENCH.graphs().compare("made", "made-b").nodeOverlap();
            assertThat(page.locator("main.page")).containsText(fixed(overlap, 2));
            assertThat(tab.wrong()).isEmpty();
        }
    }
}
