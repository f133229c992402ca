package dev.loupe.ui;

import static org.assertj.core.api.Assertions.assertThat;

import com.vaadin.flow.router.QueryParameters;
import dev.loupe.base.Json;
import dev.loupe.base.Progress;
import dev.loupe.compare.Overlap;
import dev.loupe.compare.SeedStatistics.Interval;
import dev.loupe.fixtures.Cases;
import dev.loupe.math.Matrix;
import dev.loupe.sae.Architecture;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SaeConfig;
import dev.loupe.sae.SaeProvenance;
import dev.loupe.sae.SaeWeights;
import dev.loupe.service.CompareSpec;
import dev.loupe.service.SeedExperiment;
import dev.loupe.service.SeedsSpec;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class SeedPagesTest extends ViewTest {
    private static final int D = 16;

    /** Three SAEs that have their first six latents in common, the first two three more. */
    private void saes() {
        Cases.Random random = Cases.Random.of(5);
        float[][] common = random.matrix(9, D);
        for (int s = 0; s < 3; s++) {
            float[][] rows = random.matrix(12, D);
            for (int i = 0; i < (s < 2 ? 9 : 6); i++) {
                rows[i] = common[i].clone();
            }
            Matrix m = Matrix.copyOf(rows);
            new Sae(
                            "seed-" + s,
                            new SaeConfig(Architecture.RELU, 0, true, "toy", "blocks.0.hook_resid_post", Map.of()),
                            new SaeWeights(m, m, new float[12], new float[D], new float[0]),
                            SaeProvenance.unknown())
                    .save(workbench.workspace().saes().resolve("seed-" + s));
        }
        for (String[] pair : new String[][] {{"seed-0", "seed-1"}, {"seed-2", "seed-0"}, {"seed-1", "seed-2"}}) {
            workbench.compare().run(new CompareSpec(pair[0], pair[1], 0.95), Progress.silent());
        }
    }

    @Test
    void theComparePageCountsInHowManySeedsALatentIsFound() {
        saes();
        CompareView view = open("compare/seed-0/seed-1", QueryParameters.empty(), CompareView.class);
        assertThat(text(view)).contains("Found in how many of 3 seeds", "One to many", "Going round three seeds");
        assertThat(drawn(view, "loupe-bars")).contains("3 of 3", "2 of 3", "only seed-0");
        assertThat(workbench.compare().family("seed-0", "seed-1")).containsExactly("seed-0", "seed-1", "seed-2");
        assertThat(workbench.compare().stability("seed-0").orElseThrow().found())
                .containsExactly(2, 2, 2, 2, 2, 2, 1, 1, 1, 0, 0, 0);
        assertThat(workbench.compare().stability("seed-2").orElseThrow().found())
                .containsExactly(2, 2, 2, 2, 2, 2, 0, 0, 0, 0, 0, 0);
    }

    @Test
    void theListOfOneToManyOpensFromItsAddress() {
        saes();
        CompareView view =
                open("compare/seed-0/seed-1", new QueryParameters(Map.of("list", List.of("split"))), CompareView.class);
        assertThat(text(view)).contains("No latent of seed-0 is the nearest of two of seed-1");
    }

    @Test
    void anExperimentShowsItsTrendsAndIsListed() {
        SeedsSpec spec = new SeedsSpec(
                "exp",
                "store",
                null,
                List.of("topk"),
                List.of(0L, 1L, 2L),
                List.of(64),
                List.of(8),
                List.of(1000L, 4000L),
                null,
                Map.of());
        Json.write(
                workbench.workspace().seeds().resolve("exp/experiment.json"),
                new SeedExperiment(
                        SeedExperiment.FORMAT,
                        spec,
                        "f",
                        List.of(cell(1000, 0.1), cell(4000, 0.3)),
                        List.of(new SeedExperiment.Trend(
                                "tokens",
                                "topk",
                                new double[] {1000, 4000},
                                new int[] {0, 1},
                                new Interval(0.2, 0.15, 0.25),
                                "up",
                                "as in the paper",
                                true)),
                        List.of("Few tokens leave little to share."),
                        12,
                        "2026-11-25T00:00:00Z"));
        SeedsView view = open("seeds/exp", QueryParameters.empty(), SeedsView.class);
        assertThat(text(view))
                .contains("10 % → 30 %", "as in the paper", "Few tokens leave little to share.", "Every setting");
        assertThat(drawn(view, "loupe-curve")).contains("95 % low");
        assertThat(text(open("compare", QueryParameters.empty(), CompareListView.class)))
                .contains("Experiments on seeds", "exp");
    }

    private static SeedExperiment.CellResult cell(long tokens, double shared) {
        Interval interval = new Interval(shared, shared - 0.02, shared + 0.02);
        double[][] pairs = new double[3][3];
        return new SeedExperiment.CellResult(
                "topk",
                64,
                8,
                tokens,
                tokens / 64.0,
                List.of("a", "b", "c"),
                new double[] {8, 8, 8},
                true,
                1,
                interval,
                interval,
                pairs,
                0.9,
                0.8,
                0,
                0.3,
                0,
                new double[] {0.5, 0.2, 0.3},
                List.of(new Overlap.Growth(2, 0.6), new Overlap.Growth(3, 0.5)),
                new Overlap.Transitivity(6, 0.5, 0.6, 1));
    }
}
