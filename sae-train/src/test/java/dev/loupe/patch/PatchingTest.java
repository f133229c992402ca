package dev.loupe.patch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.base.LoupeException;
import dev.loupe.base.NotFoundException;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.fixtures.Floats;
import dev.loupe.model.Forward;
import dev.loupe.model.HookPoint;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenBatch;
import dev.loupe.model.Want;
import dev.loupe.patch.task.PatchPair;
import dev.loupe.sae.Sae;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

/** Patching on a toy whose every part is readable; the real model's test stands beside it. */
class PatchingTest {
    private static final String[] ALL = {
        "resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out", "z", "z_pos", "neurons"
    };
    private static final Function<String, Sae> NO_SAES = name -> {
        throw new NotFoundException("There is no SAE " + name + ".");
    };
    private final ToyModel linear = new ToyModel(1, true);
    private final ToyModel curved = new ToyModel(2, false);

    private static PatchRequest request() {
        return PatchRequest.of("abcdefg", "abhdefg", "k", "m").withSites(ALL);
    }

    private static PatchResult run(ToyModel m, PatchRequest r) {
        return Patching.run(m, r, NO_SAES, Progress.silent());
    }

    @Test
    void onALinearModelAllMethodsAgreeInEveryCell() {
        PatchResult ap = run(linear, request().withMethod(PatchMethod.AP));
        for (PatchMethod method : new PatchMethod[] {PatchMethod.ATP, PatchMethod.RELP, PatchMethod.IG}) {
            PatchResult other = run(linear, request().withMethod(method));
            for (String site : ALL) {
                Floats.assertClose(
                        flat(other.grids().get(site)), flat(ap.grids().get(site)), 1e-4);
            }
        }
    }

    @Test
    void headsByPositionAddUpToHeads() {
        PatchRequest request = request().withSites("z", "z_pos").withVerify(-1);
        for (PatchMethod method : List.of(PatchMethod.ATP, PatchMethod.RELP, PatchMethod.IG)) {
            PatchResult r = run(curved, request.withMethod(method));
            double[][] heads = r.grids().get("z");
            double[][] byPosition = r.grids().get("z_pos");
            PatchResult.Axes axes = r.axes().get("z_pos");
            assertThat(byPosition).hasNumberOfRows(heads.length * heads[0].length);
            for (int row = 0; row < byPosition.length; row++) {
                double all = Arrays.stream(byPosition[row]).sum();
                double expected = heads[axes.layers()[row]][axes.heads()[row]];
                assertThat(all).as(method + " row " + row).isCloseTo(expected, within(1e-5));
            }
            assertThat(r.verified().stream().filter(v -> v.site().equals("z_pos")))
                    .hasSize(byPosition.length * byPosition[0].length)
                    .allMatch(v -> v.head() != null);
        }
        // a head at one position only: the same run as one whose other positions are left alone
        PatchResult exact = run(curved, request.withMethod(PatchMethod.AP).withVerify(0));
        int last = exact.grids().get("z_pos")[0].length - 1;
        for (double[] row : exact.grids().get("z_pos")) {
            assertThat(row[0]).isZero(); // before the first different token nothing changes
            assertThat(row[last]).isFinite();
        }
    }

    @Test
    void onALinearModelTheNormalisedResidualRowSumsToOneAtEveryLayer() {
        for (PatchMethod method : List.of(PatchMethod.AP, PatchMethod.ATP, PatchMethod.RELP, PatchMethod.IG)) {
            PatchResult r = run(linear, request().withMethod(method).withMetric(PatchMetric.NORMALISED));
            for (String site : List.of("resid_pre", "resid_mid", "resid_post")) {
                for (double[] row : r.grids().get(site)) {
                    assertThat(Arrays.stream(row).sum()).isCloseTo(1, within(1e-3));
                }
            }
            assertThat(r.corruptMetric()).isEqualTo(0);
            assertThat(r.cleanMetric()).isCloseTo(1, within(1e-6));
        }
    }

    @Test
    void integratedGradientsAreCompleteOnACurvedModel() {
        for (PatchMetric metric : PatchMetric.values()) {
            PatchResult r = run(
                    curved,
                    request().withMethod(PatchMethod.IG).withMetric(metric).withSteps(300));
            for (String site : List.of("resid_pre", "resid_post")) {
                for (double[] row : r.grids().get(site)) {
                    assertThat(Arrays.stream(row).sum())
                            .as(metric + " " + site)
                            .isCloseTo(r.cleanMetric() - r.corruptMetric(), within(2e-3));
                }
            }
        }
    }

    @Test
    void attributionIsTheSlopeOfExactPatchingByASmallStep() {
        PatchResult atp = run(curved, request().withMethod(PatchMethod.ATP));
        PromptPair pair = PromptPair.of(curved, request());
        HookPoint[] hooks = {HookPoint.residPre(1), HookPoint.attnOut(0), HookPoint.mlpOut(2), HookPoint.residMid(1)};
        String[] sites = {"resid_pre", "attn_out", "mlp_out", "resid_mid"};
        int[] layers = {1, 0, 2, 1};
        References runs = runs(pair, List.of(hooks)).values();
        double step = 1e-2;
        for (int h = 0; h < hooks.length; h++) {
            for (int p = 0; p < pair.clean().length; p++) {
                double up = moved(pair, runs, hooks[h], p, step);
                double down = moved(pair, runs, hooks[h], p, -step);
                double[][] grid = atp.grids().get(sites[h]);
                assertThat(grid[layers[h]][p])
                        .as(hooks[h] + " at " + p)
                        .isCloseTo((up - down) / (2 * step), within(2e-3 * Math.max(1, largest(grid))));
            }
        }
    }

    private double moved(PromptPair pair, References runs, HookPoint hook, int p, double by) {
        Taps taps = Taps.edit(hook, a -> {
            for (int i = 0; i < a.width(); i++) {
                float from = runs.corrupt(hook)[p][i];
                a.set(0, p, i, (float) (from + by * (runs.clean(hook)[p][i] - from)));
            }
        });
        Forward f = curved.forward(TokenBatch.of(pair.corrupt()), taps, Want.LAST_LOGITS);
        return Metric.difference(pair, f.lastLogits(0));
    }

    @Test
    void puttingEverythingOfALayerInReproducesTheCleanRun() {
        for (int layer = 0; layer < ToyModel.LAYERS; layer++) {
            for (HookPoint hook : List.of(HookPoint.residPre(layer), HookPoint.residPost(layer))) {
                PromptPair pair = PromptPair.of(curved, request());
                Runs.Run run = runs(pair, List.of(hook));
                Site site = new Site(
                        "everything",
                        new HookPoint[] {hook},
                        new float[][][] {run.values().corrupt(hook)},
                        new float[][][] {run.values().clean(hook)},
                        1,
                        false); // one "head": the whole width, at all positions
                double effect =
                        new ExactPatching(curved, run).effects(List.of(new Cell(site, 0, 0)), Progress.silent(), 0)[0];
                assertThat(run.base() + effect)
                        .isEqualTo(run.metric().value(run.values().cleanLogits()));
            }
        }
    }

    @Test
    void aPatchBeforeTheFirstDifferenceDoesNothingAndOneAtTheEndDoesEverything() {
        PatchResult ap = run(curved, request().withMethod(PatchMethod.AP).withSites("resid_pre", "resid_post"));
        int changed = 3; // bos a b [c|h]
        for (double[] row : ap.grids().get("resid_pre")) {
            for (int p = 0; p < changed; p++) {
                assertThat(row[p]).isEqualTo(0);
            }
        }
        double[] last = ap.grids().get("resid_post")[ToyModel.LAYERS - 1];
        assertThat(last[last.length - 1]).isCloseTo(ap.cleanDifference() - ap.corruptDifference(), within(1e-9));
        assertThat(ap.grids().get("resid_pre")[0][changed])
                .isCloseTo(ap.cleanDifference() - ap.corruptDifference(), within(1e-9));
    }

    @Test
    void theMetricsGradientIsItsSlope() {
        float[] clean = dev.loupe.fixtures.Cases.Random.of(3).floats(9);
        float[] corrupt = dev.loupe.fixtures.Cases.Random.of(4).floats(9);
        for (PromptPair pair : List.of(
                new PromptPair(new int[0], new int[0], new int[] {2}, new int[] {5}),
                new PromptPair(new int[0], new int[0], new int[] {2, 7, 0}, new int[] {5, 1}))) {
            for (PatchMetric kind : PatchMetric.values()) {
                Metric metric = Metric.of(kind, pair, clean);
                float[] gradient = new float[9];
                assertThat(metric.seed(0, corrupt, gradient)).isEqualTo(metric.value(corrupt));
                for (int i = 0; i < 9; i++) {
                    float[] up = corrupt.clone();
                    float[] down = corrupt.clone();
                    up[i] += 0.01f;
                    down[i] -= 0.01f;
                    assertThat((double) gradient[i])
                            .as(kind + " " + i)
                            .isCloseTo((metric.value(up) - metric.value(down)) / 0.02, within(1e-4));
                }
            }
            assertThat(Metric.of(PatchMetric.KL, pair, clean).value(clean)).isCloseTo(0, within(1e-6));
            assertThat(Metric.of(PatchMetric.KL, pair, clean).value(corrupt)).isNegative();
        }
    }

    private Runs.Run runs(PromptPair pair, List<HookPoint> hooks) {
        return new Runs(curved, hooks, PatchMetric.DIFFERENCE, 1 << 20)
                .forward(List.of(pair))
                .get(0);
    }

    @Test
    void verificationComparesWithExactPatchingCellByCell() {
        PatchResult ap = run(curved, request().withMethod(PatchMethod.AP));
        PatchResult all = run(curved, request().withMethod(PatchMethod.ATP).withVerify(-1));
        int cells = 0;
        for (double[][] grid : ap.grids().values()) {
            cells += grid.length * grid[0].length;
        }
        assertThat(all.verified()).hasSize(cells);
        for (PatchResult.Verified v : all.verified()) {
            int heads = ap.grids().get("z")[0].length;
            int row = v.head() == null ? v.layer() : v.layer() * heads + v.head();
            assertThat(v.exact()).isCloseTo(ap.grids().get(v.site())[row][v.column()], within(1e-6));
            assertThat(v.estimate()).isEqualTo(all.grids().get(v.site())[row][v.column()]);
        }
        assertThat(all.agreement().keySet()).containsAll(List.of(ALL)).contains("all");
        assertThat(all.agreement().get("all").pearson()).isBetween(0.5, 1.0);
        PatchResult some = run(curved, request().withMethod(PatchMethod.ATP).withVerify(5));
        assertThat(some.verified()).hasSize(10);
        assertThat(run(curved, request().withVerify(5)).verified())
                .isEqualTo(run(curved, request().withVerify(5)).verified());
        PatchResult exact = run(linear, request().withMethod(PatchMethod.ATP).withVerify(-1));
        assertThat(exact.agreement().get("all").slope()).isCloseTo(1, within(1e-4));
        assertThat(exact.agreement().get("all").pearson()).isCloseTo(1, within(1e-6));
    }

    @Test
    void neuronsSumToTheirSiteAndTheirExactEffectIsThatOfPatchingThemAlone() {
        PatchResult r = run(linear, request().withMethod(PatchMethod.ATP).withVerify(3));
        double sum = r.nodes().stream().mapToDouble(PatchResult.Node::score).sum();
        double site = Arrays.stream(flat(r.grids().get("neurons"))).sum();
        assertThat(r.nodes()).hasSize(ToyModel.LAYERS * ToyModel.MLP);
        assertThat(sum).isCloseTo(site, within(1e-4 * Math.max(1, Math.abs(site))));
        for (PatchResult.Node n : r.nodes()) {
            assertThat(n.exact()).isCloseTo(n.score(), within(1e-3));
            assertThat(Arrays.stream(n.byPosition()).sum()).isCloseTo(n.score(), within(1e-9));
        }
        PatchResult ap = run(linear, request().withMethod(PatchMethod.AP));
        assertThat(ap.nodes().get(0).score()).isCloseTo(r.nodes().get(0).score(), within(1e-3));
    }

    @Test
    void wrongPromptsAndTokensAreOneSentenceNamingTheCure() {
        refused(PatchRequest.of("abc", "abcd", "k", "m"), "4 tokens", "5 (", "reword");
        refused(PatchRequest.of("abc", "abc", "k", "m"), "the same");
        refused(PatchRequest.of("abc", "abd", "kk", "m"), "\"kk\" is 2 tokens", "k|k");
        refused(PatchRequest.of("abc", "abd", "k", "k"), "same token");
        refused(PatchRequest.of("abcdefghijklmnopq", "abcdefghijklmnopr", "k", "m"), "at most 16");
        refused(request().withSites("sae:none"), "no SAE none");
        PatchRequest spaced = PatchRequest.of("abc", "abd", " x", "m");
        assertThat(PromptPair.of(linear, spaced).answers()).containsExactly(28);
    }

    @Test
    void aModelThatPrefersTheWrongAnswerIsSaidInTheNotes() {
        PatchResult one = run(curved, request().withSites("resid_pre"));
        PatchResult other =
                run(curved, PatchRequest.of("abcdefg", "abhdefg", "m", "k").withSites("resid_pre"));
        PatchResult wrong = one.cleanDifference() < 0 ? one : other;
        PatchResult right = one.cleanDifference() < 0 ? other : one;
        assertThat(String.join(" ", wrong.notes())).contains("After the clean prompt the model prefers the wrong");
        assertThat(String.join(" ", right.notes())).doesNotContain("After the clean prompt");
    }

    @Test
    void aDifferenceOfNothingCannotBeNormalised() {
        List<PatchPair> mirrored = List.of(
                new PatchPair("abcdefg", "abhdefg", List.of("k"), List.of("m")),
                new PatchPair("abhdefg", "abcdefg", List.of("k"), List.of("m"))); // their means are the same
        PatchRequest r = PatchRequest.of("", "", "k", "m")
                .withSites("resid_pre")
                .withPairs(mirrored)
                .withMetric(PatchMetric.NORMALISED);
        assertThatThrownBy(() -> run(curved, r))
                .isInstanceOf(LoupeException.class)
                .hasMessageContainingAll("the same logit difference", "--metric difference");
    }

    @Test
    void scoresThatAreNoNumbersAreRefusedWithTheirPlace() {
        Sae loud = ToySae.axes("loud", ToyModel.WIDTH, "blocks.1.hook_resid_post", 1e25f);
        assertThatThrownBy(() -> Patching.run(curved, request().withSites("sae:loud"), name -> loud, Progress.silent()))
                .isInstanceOf(LoupeException.class)
                .hasMessageContainingAll("sae:loud", "is not a number");
    }

    @Test
    void withoutBosThePromptStartsWithItsFirstToken() {
        PatchRequest r = new PatchRequest(
                null, "abc", "abd", "k", "m", "atp", "difference", List.of(), List.of("resid_pre"), 1, false, 0, 0);
        assertThat(run(linear, r).cleanIds()).containsExactly(1, 2, 3);
        assertThat(run(linear, request()).cleanIds()[0]).isEqualTo(0);
    }

    private void refused(PatchRequest r, String... words) {
        assertThatThrownBy(() -> run(linear, r))
                .isInstanceOfAny(UsageException.class, NotFoundException.class)
                .hasMessageContainingAll(words);
    }

    private static double largest(double[][] grid) {
        return Arrays.stream(flat(grid)).map(Math::abs).max().orElse(0);
    }

    private static double[] flat(double[][] grid) {
        return Arrays.stream(grid).flatMapToDouble(Arrays::stream).toArray();
    }
}
