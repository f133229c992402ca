package dev.loupe.ui;

import static org.assertj.core.api.Assertions.assertThat;

import com.vaadin.flow.router.QueryParameters;
import dev.loupe.base.Json;
import dev.loupe.eval.ReportCard;
import dev.loupe.eval.SaeReport;
import dev.loupe.fixtures.Cases;
import dev.loupe.math.Matrix;
import dev.loupe.sae.Architecture;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SaeConfig;
import dev.loupe.sae.SaeProvenance;
import dev.loupe.sae.SaeWeights;
import dev.loupe.service.SweepResult;
import dev.loupe.service.SweepSpec;
import dev.loupe.train.SweepPlan;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ReportViewTest extends ViewTest {
    private void sae(String name, ReportCard card) {
        Matrix m = Matrix.copyOf(Cases.Random.of(1).matrix(12, 16));
        Sae sae = new Sae(
                name,
                new SaeConfig(Architecture.RELU, 0, true, "toy", "blocks.0.hook_resid_post", Map.of()),
                new SaeWeights(m, m, new float[12], new float[16], new float[0]),
                SaeProvenance.unknown());
        sae.save(workbench.workspace().saes().resolve(name));
        if (card != null) {
            SaeReport.Density density = new SaeReport.Density(new double[] {-2, -1, 0}, new int[] {5, 6}, 1);
            SaeReport.Loss loss = new SaeReport.Loss("t", 10, 3, 3.25, 9, 7, 0.25, 0.95, 0.93, 0);
            SaeReport report = new SaeReport(
                    "1.2",
                    name,
                    "relu",
                    12,
                    "store",
                    "f",
                    "c",
                    "toy",
                    "blocks.0.hook_resid_post",
                    null,
                    null,
                    1000,
                    7.5,
                    0.125,
                    0.88,
                    1,
                    0.9,
                    0.95,
                    0.97,
                    0.4,
                    8,
                    100,
                    1,
                    1 / 12.0,
                    2,
                    density,
                    loss,
                    card,
                    1,
                    "now");
            Json.write(workbench.workspace().saes().resolve(name).resolve(SaeReport.FILE), report);
        }
    }

    private static ReportCard card() {
        return new ReportCard(
                0.2,
                0.25,
                new ReportCard.Kl(100, 0.1, 5, 3, 0.98),
                List.of(new ReportCard.Probe(
                        "de",
                        40,
                        20,
                        new int[] {1, 2, 5},
                        new double[] {0.91, 0.92, 0.93},
                        new double[] {0.61, 0.62, 0.63},
                        new double[] {0.71, 0.72, 0.73},
                        0.99,
                        new int[] {7, 3})),
                null,
                List.of(),
                "not measurable on this model: too weak");
    }

    @Test
    void theCardShowsEveryFigureWithItsDefinitionAndTheControlBesideIt() {
        sae("good", card());
        sae("good.random", card());
        String text = text(open("saes/good", QueryParameters.empty(), ReportView.class));
        assertThat(text)
                .contains("KL score", "98", "0.1250", "shrinkage", "2404.16014", "1 latent", "91", "not measurable")
                .contains("over 10 predictions", "over 100 predictions")
                .doesNotContain("--random-control", "seed stability");
        sae("lonely", card());
        assertThat(text(open("saes/lonely", QueryParameters.empty(), ReportView.class)))
                .contains("--random-control");
    }

    @Test
    void withoutAReportThePageSaysHowToMakeOne() {
        sae("bare", null);
        assertThat(text(open("saes/bare", QueryParameters.empty(), ReportView.class)))
                .contains("loupe eval bare");
    }

    @Test
    void aSweepShowsItsTableAndItsFronts() {
        SweepSpec spec = new SweepSpec(
                "sw",
                "store",
                null,
                null,
                List.of("topk"),
                List.of(64),
                List.of(8),
                List.of(0L, 1L),
                null,
                null,
                null,
                Map.of(),
                Map.of(),
                null,
                null,
                null);
        SweepResult.Row a = new SweepResult.Row(
                "sw.a", null, null, "topk", 64, 8, 0, Map.of(), true, 8.0, 0.2, 0.3, 0.9, 0.0, true, true, null);
        SweepResult.Row b = new SweepResult.Row(
                "sw.b", null, null, "topk", 64, 8, 1, Map.of(), true, 9.0, 0.3, 0.4, 0.8, 0.1, false, false, null);
        SweepResult.Row c = new SweepResult.Row(
                "sw.c",
                null,
                null,
                "topk",
                64,
                8,
                2,
                Map.of(),
                false,
                null,
                null,
                null,
                null,
                null,
                false,
                false,
                "it diverged");
        Json.write(
                workbench.workspace().sweeps().resolve("sw").resolve("sweep.json"),
                new SweepResult(
                        "1.0",
                        spec,
                        "f",
                        new SweepPlan(List.of(), List.of(), 1, 1, 1),
                        List.of(a, b, c),
                        List.of(),
                        1,
                        1,
                        1,
                        "now"));
        SweepView view = open("sweeps/sw", QueryParameters.empty(), SweepView.class);
        assertThat(text(view)).contains("sw.b", "it diverged", "1 failed", "None is better in both than sw.a.");
        assertThat(drawn(view, "loupe-scatter")).contains("on the front");
        java.nio.file.Path damaged = workbench.workspace().sweeps().resolve("broken");
        Json.write(damaged.resolve("sweep.json"), Map.of("format", "99.0"));
        SweepsView all = open("sweeps", QueryParameters.empty(), SweepsView.class);
        assertThat(text(all)).contains("sw", "on the front", "failed", "topk · d_sae 64 · k 8 · seeds 0, 1", "broken");
        assertThat(drawn(all, "loupe-scatter")).contains("[\"a\",\"b\"]");
    }
}
