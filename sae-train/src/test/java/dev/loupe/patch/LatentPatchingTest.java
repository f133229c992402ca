package dev.loupe.patch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.sae.Architecture;
import dev.loupe.sae.Sae;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Latents and errors of an SAE as sites. */
class LatentPatchingTest {
    private static final String HOOK = "blocks.1.hook_resid_post";
    private final ToyModel curved = new ToyModel(2, false);
    private final ToyModel linear = new ToyModel(1, true);

    private static PatchRequest request() {
        return PatchRequest.of("abcdefg", "abhdefg", "k", "m").withSites("resid_post", "sae:s", "error:s");
    }

    private static PatchResult run(ToyModel m, PatchRequest r, Sae sae) {
        return Patching.run(m, r, name -> sae, Progress.silent());
    }

    @ParameterizedTest
    @EnumSource(Architecture.class)
    void latentsAndErrorShareWhatTheWholePositionScores(Architecture architecture) {
        Sae sae = ToySae.random("s", architecture, ToyModel.WIDTH, 30, 5, HOOK);
        for (PatchMethod method : new PatchMethod[] {PatchMethod.ATP, PatchMethod.RELP}) {
            PatchResult r = run(curved, request().withMethod(method), sae);
            double[] whole = r.grids().get("resid_post")[1];
            double[] latents = r.grids().get("sae:s")[0];
            double[] error = r.grids().get("error:s")[0];
            double scale = Math.max(1, Arrays.stream(whole).map(Math::abs).max().orElse(0));
            for (int p = 0; p < whole.length; p++) {
                assertThat(latents[p] + error[p]).isCloseTo(whole[p], within(1e-5 * scale));
            }
            assertThat(r.axes().get("sae:s").layers()).containsExactly(1);
        }
    }

    @ParameterizedTest
    @EnumSource(Architecture.class)
    void theLatentsScoresSumToTheirSite(Architecture architecture) {
        Sae sae = ToySae.random("s", architecture, ToyModel.WIDTH, 30, 5, HOOK);
        PatchResult r = run(curved, request().withMethod(PatchMethod.ATP), sae);
        double[] grid = r.grids().get("sae:s")[0];
        double[] sum = new double[grid.length];
        for (PatchResult.Node n : r.nodes()) {
            assertThat(n.site()).isEqualTo("sae:s");
            for (int p = 0; p < sum.length; p++) {
                sum[p] += n.byPosition()[p];
            }
        }
        for (int p = 0; p < sum.length; p++) {
            assertThat(sum[p]).isCloseTo(grid[p], within(1e-5));
        }
    }

    @Test
    void onALinearModelALatentsScoreIsItsExactEffect() {
        Sae sae = ToySae.random("s", Architecture.TOPK, ToyModel.WIDTH, 30, 5, HOOK);
        PatchResult r = run(linear, request().withMethod(PatchMethod.ATP).withVerify(-1), sae);
        assertThat(r.nodes()).isNotEmpty();
        for (PatchResult.Node n : r.nodes()) {
            assertThat(n.exact()).isCloseTo(n.score(), within(1e-3));
            assertThat(n.clean()).isNotEqualTo(n.corrupt());
        }
        PatchResult.Node top = r.nodes().get(0);
        assertThat(Math.abs(top.byPosition()[top.position()]))
                .isEqualTo(Arrays.stream(top.byPosition()).map(Math::abs).max().orElse(0));
        assertThat(r.agreement().get("sae:s").slope()).isCloseTo(1, within(1e-4));
        assertThat(r.agreement().get("error:s").slope()).isCloseTo(1, within(1e-4));
    }

    @Test
    void relevanceWithoutRulesIsAttributionBitForBit() {
        Sae sae = ToySae.random("s", Architecture.RELU, ToyModel.WIDTH, 30, 0, HOOK);
        PatchResult relp = run(curved, request().withRules(java.util.List.of()), sae);
        PatchResult atp = run(curved, request().withMethod(PatchMethod.ATP), sae);
        relp.grids()
                .forEach((site, grid) ->
                        assertThat(grid).isDeepEqualTo(atp.grids().get(site)));
    }

    @Test
    void anSaeOfAnotherWidthIsRefused() {
        Sae sae = ToySae.axes("s", 5, HOOK);
        assertThatThrownBy(() -> run(curved, request(), sae))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("reads 5 numbers");
    }
}
