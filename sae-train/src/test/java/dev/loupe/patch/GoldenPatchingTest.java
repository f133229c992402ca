package dev.loupe.patch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.base.NotFoundException;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.fixtures.Floats;
import dev.loupe.model.HookPoint;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.LanguageModels;
import dev.loupe.model.ModelOptions;
import dev.loupe.model.Rules;
import dev.loupe.sae.Sae;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/**
 * The embedded model's known good pair against tests/python/patch/golden.py: an independent float64 forward whose
 * gradients are autograd's and whose relevance rules are detached factors.
 */
class GoldenPatchingTest {
    private static final double TOLERANCE = 1e-4;
    private static final Function<String, Sae> NO_SAES = name -> {
        throw new NotFoundException("There is no SAE " + name + ".");
    };

    @TempDir
    static Path cache;

    private static LanguageModel model;
    private static JsonNode golden;

    @BeforeAll
    static void open() throws Exception {
        model = LanguageModels.open(LanguageModels.builtin(cache), ModelOptions.defaults());
        try (InputStream in = GoldenPatchingTest.class.getResourceAsStream("golden.json")) {
            golden = dev.loupe.base.Json.MAPPER.readTree(in);
        }
    }

    @AfterAll
    static void close() {
        model.close();
    }

    private static PatchRequest request(String method, String metric, String... rules) {
        return new PatchRequest(
                "builtin",
                golden.get("clean").asString(),
                golden.get("corrupt").asString(),
                golden.get("answer").asString(),
                golden.get("wrong").asString(),
                method,
                metric,
                List.of(rules),
                List.of("resid_pre", "attn_out", "resid_mid", "mlp_out", "resid_post", "z", "neurons"),
                golden.get("steps").asInt(),
                null,
                0,
                0);
    }

    private static PatchResult run(PatchRequest r) {
        return Patching.run(model, r, NO_SAES, Progress.silent());
    }

    private static void check(String name, PatchResult r) {
        JsonNode expected = golden.get("grids").get(name);
        assertThat(expected).as(name).isNotNull();
        StringBuilder errors = new StringBuilder();
        r.grids().keySet().forEach(key -> assertThat(expected.has(key)).as(key).isTrue());
        expected.properties().stream()
                .filter(site -> r.grids().containsKey(site.getKey()))
                .forEach(site -> {
                    double[] ours = flat(r.grids().get(site.getKey()));
                    double[] theirs = flat(grid(site.getValue()));
                    errors.append(' ')
                            .append(site.getKey())
                            .append(' ')
                            .append(String.format(java.util.Locale.ROOT, "%.1e", error(ours, theirs)));
                    Floats.assertClose(ours, theirs, TOLERANCE);
                });
        System.out.println(name + ": max error / max:" + errors);
    }

    private static double error(double[] a, double[] b) {
        double worst = 0;
        double scale = 0;
        for (int i = 0; i < a.length; i++) {
            worst = Math.max(worst, Math.abs(a[i] - b[i]));
            scale = Math.max(scale, Math.abs(b[i]));
        }
        return worst / scale;
    }

    @Test
    void tokensAndDifferencesAreTheReferences() {
        PatchResult r = run(request("atp", "difference"));
        assertThat(r.cleanIds()).containsExactly(ints(golden.get("clean_ids")));
        assertThat(r.corruptIds()).containsExactly(ints(golden.get("corrupt_ids")));
        assertThat(r.cleanDifference()).isCloseTo(golden.get("clean_difference").asDouble(), within(1e-4));
        assertThat(r.corruptDifference())
                .isCloseTo(golden.get("corrupt_difference").asDouble(), within(1e-4));
        assertThat(r.cleanDifference()).isGreaterThan(3);
        assertThat(r.corruptDifference()).isLessThan(-4);
    }

    @Test
    void activationPatchingIsTheReferencesCellByCell() {
        check(
                "ap difference",
                run(request("ap", "difference")
                        .withSites("resid_pre", "attn_out", "resid_mid", "mlp_out", "resid_post", "z")));
        check("ap kl", run(request("ap", "kl").withSites("resid_mid")));
    }

    @Test
    void attributionPatchingIsTheReferencesForEveryMetric() {
        for (PatchMetric metric : PatchMetric.values()) {
            if (metric == PatchMetric.PROBABILITY) { // by its own test
                continue;
            }
            PatchResult r = run(request("atp", metric.key()));
            check("atp " + metric.key(), r);
            JsonNode values = golden.get("metric").get(metric.key());
            assertThat(r.cleanMetric()).isCloseTo(values.get(0).asDouble(), within(1e-4));
            assertThat(r.corruptMetric()).isCloseTo(values.get(1).asDouble(), within(1e-4));
        }
    }

    @Test
    void relevancePatchingIsTheReferencesForEveryRuleAloneAndTogether() {
        for (String rules : List.of("ln", "identity", "half", "ah", "ln,identity,half", "ln,identity,half,ah")) {
            check("relp difference " + rules, run(request("relp", "difference", rules.split(","))));
        }
    }

    @Test
    void integratedGradientsAreTheReferences() {
        check("ig difference", run(request("ig", "difference").withSites("mlp_out", "z")));
    }

    @Test
    void relevanceWithoutRulesIsAttributionBitForBit() {
        PatchResult relp = run(request("relp", "difference"));
        PatchResult atp = run(request("atp", "difference"));
        atp.grids().forEach((site, grid) -> assertThat(relp.grids().get(site)).isDeepEqualTo(grid));
    }

    @Test
    void agreementWithExactPatchingIsWhatScipySays() {
        Map<String, PatchRequest> methods = new LinkedHashMap<>();
        methods.put("atp difference", request("atp", "difference"));
        methods.put("relp difference ln,identity,half", request("relp", "difference", "ln", "identity", "half"));
        methods.forEach((name, all) -> {
            PatchRequest request = all.withSites("mlp_out").withVerify(-1);
            PatchResult r = run(request);
            for (String site : request.sites()) {
                JsonNode scipy = golden.get("agreement").get(name + " " + site);
                Agreement a = r.agreement().get(site);
                assertThat(a.pearson()).isCloseTo(scipy.get(0).asDouble(), within(1e-3));
                // ranks of cells that are exactly 0 in one implementation and 1e-7 in the other are free
                assertThat(a.spearman()).isCloseTo(scipy.get(1).asDouble(), within(0.2));
                assertThat(a.slope()).isCloseTo(scipy.get(2).asDouble(), within(1e-3));
            }
        });
    }

    /** papers.md 1.8 (2): LN, Identity, Half and AH together make a bias-free model's relevance a conserved quantity. */
    @Test
    void withAllRulesRelevanceIsConservedFromLayerToLayer() {
        PatchRequest request = request("relp", "difference");
        PromptPair pair = PromptPair.of(model, request);
        List<HookPoint> hooks = new java.util.ArrayList<>();
        for (int layer = 0; layer < model.config().nLayers(); layer++) {
            hooks.addAll(List.of(HookPoint.residPre(layer), HookPoint.residMid(layer), HookPoint.residPost(layer)));
        }
        Runs.Run run = new Runs(model, hooks, PatchMetric.DIFFERENCE, 1 << 20)
                .backward(List.of(pair), new Rules(true, true, true, true))
                .get(0);
        double whole = run.base();
        for (HookPoint hook : hooks) {
            double sum = 0;
            for (int p = 0; p < pair.corrupt().length; p++) {
                for (int i = 0; i < model.config().dModel(); i++) {
                    sum += (double) run.values().corrupt(hook)[p][i]
                            * run.gradients().get(hook)[p][i];
                }
            }
            assertThat(sum).as(hook.name()).isCloseTo(whole, within(1e-4 * Math.abs(whole)));
        }
    }

    @Test
    void aPlanThatDoesNotFitItsMemoryIsRefusedBeforeItRuns() {
        String words = "the right to speak and ".repeat(20);
        PatchRequest r = PatchRequest.of(words + "I", words + "We", " am", " are")
                .withSites("resid_pre", "resid_mid", "mlp_out", "neurons", "z_pos")
                .withMemory(1);
        assertThatThrownBy(() -> run(r)).hasMessageContainingAll("MiB", "name fewer sites or allow more memory");
    }

    @Test
    void wordsThatAreNoSingleTokenAreRefusedWithTheCure() {
        assertThatThrownBy(() -> run(PatchRequest.of("I like to", "We like to", "would", " are")))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("\"would\" is 2 tokens")
                .hasMessageContaining("leading space is one token");
        assertThatThrownBy(() -> run(PatchRequest.of("I like", "We like it", " am", " are")))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("reword");
    }

    private static double[] flat(double[][] grid) {
        return Arrays.stream(grid).flatMapToDouble(Arrays::stream).toArray();
    }

    private static double[][] grid(JsonNode node) {
        double[][] grid = new double[node.size()][];
        for (int r = 0; r < grid.length; r++) {
            grid[r] = new double[node.get(r).size()];
            for (int c = 0; c < grid[r].length; c++) {
                grid[r][c] = node.get(r).get(c).asDouble();
            }
        }
        return grid;
    }

    private static int[] ints(JsonNode node) {
        int[] values = new int[node.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = node.get(i).asInt();
        }
        return values;
    }
}
